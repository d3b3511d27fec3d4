"""Sends hostile inputs, each determined by a number and a seed, to a server and judges the answers."""

import base64
import collections
import dataclasses
import http.client
import itertools
import json
import random as random_module
import socket
import struct
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import grpc
from fuzz_good import GoodRequest
from fuzz_json import rest_request
from fuzz_messages import grpc_request
from fuzz_server import Server
from fuzz_values import Target
from fuzz_wire import http2_pieces, http_pieces

ANSWER_SECONDS = 60
# SO_LINGER: close at once and discard unsent data.
_RESET = struct.pack("ii", 1, 0)
# A server may close a connection that is idle for longer, so the client must not reuse it.
_IDLE_SECONDS = 2
_PROTOCOLS = ("REST", "gRPC", "HTTP/1.1 bytes", "HTTP/2 bytes")
_WEIGHTS = (46, 46, 5, 3)
_PAUSE_SECONDS = 0.01
_LISTEN_SECONDS = 0.25
# 501: a type that REST does not support. 503: the queue is full. 504: the deadline passed.
DOCUMENTED_STATUSES = (501, 503, 504)
_FORBIDDEN_CODES = ("INTERNAL", "UNKNOWN", "DATA_LOSS", "DEADLINE_EXCEEDED", "CANCELLED")


@dataclasses.dataclass(frozen=True)
class Input:
    """One hostile input.

    Attributes:
        protocol: One of `_PROTOCOLS`.
        target: Method and path; for raw bytes the connection's end: "read", "half-close" or "reset".
        headers: Names and values of REST headers.
        pieces: The bytes to send: a request's body in one piece, raw bytes with a pause after each piece.
    """

    protocol: str
    target: str
    headers: tuple[tuple[str, str], ...]
    pieces: tuple[bytes, ...]

    def to_json(self) -> dict:
        """Returns the form that `from_json` reads."""
        return {
            **dataclasses.asdict(self),
            "pieces": [base64.b64encode(piece).decode() for piece in self.pieces],
        }

    @classmethod
    def from_json(cls, fields: dict) -> "Input":
        """Returns an input that `to_json` wrote."""
        headers = tuple((name, value) for name, value in fields["headers"])
        pieces = tuple(base64.b64decode(piece) for piece in fields["pieces"])
        return cls(fields["protocol"], fields["target"], headers, pieces)


def make_input(seed: int, number: int, targets: Sequence[Target]) -> Input:
    """Returns the input of a number, always the same one for the same seed and targets."""
    random = random_module.Random(f"{seed} {number}")
    protocol = random.choices(_PROTOCOLS, _WEIGHTS)[0]
    if protocol == "REST":
        target, headers, body = rest_request(random, targets)
        return Input(protocol, target, tuple(headers), (body,))
    if protocol == "gRPC":
        path, content = grpc_request(random, targets)
        return Input(protocol, path, (), (content,))
    make = http_pieces if protocol == "HTTP/1.1 bytes" else http2_pieces
    return Input(protocol, random.choice(("read", "read", "half-close", "reset")), (), make(random))


class Sender:
    """Sends inputs over one connection per protocol; not thread-safe."""

    def __init__(self, server: Server):
        self._server = server
        options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        self._channel = grpc.insecure_channel(f"localhost:{server.port}", options)
        self._http = http.client.HTTPConnection("localhost", server.rest_port, timeout=ANSWER_SECONDS)
        self._last_used = 0.0

    def send(self, sent: Input) -> tuple[str, str]:
        """Sends an input; returns the answer's status and what is wrong with it, `""` if nothing is."""
        if sent.protocol == "REST":
            return self._send_rest(sent)
        if sent.protocol == "gRPC":
            return self._send_grpc(sent)
        port = self._server.rest_port if sent.protocol == "HTTP/1.1 bytes" else self._server.port
        return _send_bytes(sent, port)

    def close(self) -> None:
        """Closes the connections."""
        self._channel.close()
        self._http.close()

    def _send_rest(self, sent):
        method, _, path = sent.target.partition(" ")
        if time.monotonic() - self._last_used > _IDLE_SECONDS:
            self._http.close()
        self._last_used = time.monotonic()
        try:
            self._http.request(method, path, sent.pieces[0], dict(sent.headers))
            response = self._http.getresponse()
            status, body = response.status, response.read()
            is_json = response.headers.get_content_type() == "application/json"
        except (OSError, http.client.HTTPException) as error:
            self._http.close()
            return type(error).__name__, f"no answer: {error}"
        if status >= 500 and status not in DOCUMENTED_STATUSES:
            return str(status), f"answered {status}: {body[:500]!r}"
        if is_json and method != "HEAD" and not _is_json(body):
            return str(status), f"no JSON: {body[:500]!r}"
        return str(status), ""

    def _send_grpc(self, sent):
        call = self._channel.unary_unary(sent.target)
        try:
            call(sent.pieces[0], timeout=ANSWER_SECONDS)
        except grpc.RpcError as error:
            code, message = error.code().name, error.details()
            return code, _grpc_complaint(code, message or "")
        return "OK", ""


def _grpc_complaint(code, message):
    if code == "UNAVAILABLE" and "queue" in message:
        return ""
    return f"answered {code}: {message}" if code in (*_FORBIDDEN_CODES, "UNAVAILABLE") else ""


def _is_json(body) -> bool:
    try:
        json.loads(body.decode("utf-8", "surrogateescape"))
    except ValueError:
        return False
    return True


def _send_bytes(sent, port):
    """Writes the pieces and listens briefly, because the server need not answer invalid requests."""
    answer = b""
    try:
        with socket.create_connection(("localhost", port), timeout=10) as connection:
            for piece in sent.pieces:
                connection.sendall(piece)
                time.sleep(_PAUSE_SECONDS)
            if sent.target == "half-close":
                connection.shutdown(socket.SHUT_WR)
            elif sent.target == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            connection.settimeout(_LISTEN_SECONDS)
            while sent.target != "reset" and (received := connection.recv(65536)):
                answer += received
    except OSError:
        pass
    statuses = [
        int(line[9:12]) for line in answer.split(b"\r\n") if line[:9] == b"HTTP/1.1 " and line[9:12].isdigit()
    ]
    wrong = [status for status in statuses if status >= 500 and status not in DOCUMENTED_STATUSES]
    summary = str(statuses[0]) if statuses else "bytes" if answer else "nothing"
    return summary, f"answered {wrong[0]}" if wrong else ""


@dataclasses.dataclass
class Report:
    """The results of a fuzzing run.

    Attributes:
        counts: Number of inputs by protocol and status.
        findings: Number, input (None for a good request) and description of each wrong answer.
        slowest: Seconds, number and input.
        num_good: Number of good requests that were answered rightly.
        resident_bytes: The server's resident memory at every tenth of the run.
    """

    counts: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    findings: list[tuple[int, Input | None, str]] = dataclasses.field(default_factory=list)
    slowest: tuple[float, int, Input | None] = (0.0, 0, None)
    num_good: int = 0
    resident_bytes: list[int] = dataclasses.field(default_factory=list)


class Fuzzer:
    """Sends a seed's inputs from several threads, with good requests in between.

    Args:
        server: The server.
        targets: The signatures to attack.
        good: The good requests, which take turns.
        seed: Seed of the inputs.
        good_every: Number of inputs between two good requests.
    """

    def __init__(
        self,
        server: Server,
        targets: Sequence[Target],
        good: Sequence[GoodRequest],
        seed: int,
        good_every: int = 50,
    ):
        self._server, self._targets, self._good = server, targets, good
        self._seed, self._good_every = seed, good_every
        self._lock = threading.Lock()
        self.report = Report()

    def run(self, num_inputs: int, num_threads: int = 4) -> Report:
        """Sends inputs 0 to `num_inputs`; ends early if the server dies."""
        numbers = iter(range(num_inputs))
        threads = [
            threading.Thread(target=self._work, args=(numbers, max(1, num_inputs // 10)))
            for _ in range(num_threads)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._server.process.poll() is not None:
            self.report.findings.append((-1, None, f"the server died with {self._server.process.returncode}"))
        return self.report

    def _work(self, numbers, measured_every):
        sender = Sender(self._server)
        while self._server.process.poll() is None:
            with self._lock:
                number = next(numbers, None)
                if number is None:
                    break
                if number % measured_every == 0:
                    self.report.resident_bytes.append(self._server.resident_bytes())
            self._send(sender, number)
            if number % self._good_every == 0 and self._good:
                self._ask_good(number)
        sender.close()

    def _send(self, sender, number):
        sent = make_input(self._seed, number, self._targets)
        begin = time.perf_counter()
        status, complaint = sender.send(sent)
        seconds = time.perf_counter() - begin
        if self._server.process.poll() is not None:
            complaint = complaint or "in flight when the server died"
        with self._lock:
            self.report.counts[sent.protocol, status] += 1
            if complaint:
                self.report.findings.append((number, sent, complaint))
            if seconds > self.report.slowest[0]:
                self.report.slowest = (seconds, number, sent)

    def _ask_good(self, number):
        turn = number // self._good_every
        request = self._good[turn % len(self._good)]
        complaint = request.complaint("gRPC" if turn // len(self._good) % 2 else "REST")
        with self._lock:
            self.report.num_good += not complaint
            if complaint:
                self.report.findings.append((number, None, complaint))


def save_findings(report: Report, directory: Path) -> list[Path]:
    """Writes each wrongly answered input to its own file and returns the files."""
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for number, sent, complaint in itertools.islice(report.findings, 100):
        if sent is not None:
            file = directory / f"input-{number}.json"
            file.write_text(json.dumps({"complaint": complaint, **sent.to_json()}))
            files.append(file)
    return files


def read_finding(file: Path) -> Input:
    """Returns the input of a file that `save_findings` wrote."""
    return Input.from_json(json.loads(file.read_text()))
