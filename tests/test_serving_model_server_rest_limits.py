"""What a client may send, how slowly, and how often: each limit says which it is and leaves others alone."""

import contextlib
import json
import socket
import time

import httpx2
import numpy as np
import pytest
from serving_models import running_server

from serving.client.errors import PredictionError
from serving.client.grpc_client import GrpcClient
from serving.model_server.server import ModelServer
from serving.wire import status

BODY = b'{"instances": [[1, 1, 1, 1]]}'
HEAD = b"POST /v1/models/linear:predict HTTP/1.1\r\nhost: x\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(
        tmp_path_factory.mktemp("limits"),
        max_request_bytes=2000,
        max_request_rows=3,
        max_header_bytes=1000,
        max_connections=4,
        idle_timeout_seconds=1,
        receive_timeout_seconds=1,
    ) as server:
        yield server


@pytest.fixture(autouse=True)
def still_answers(server):
    yield
    # Connections of the test may still be closing.
    url = f"http://localhost:{port(server)}/v1/models/linear:predict"
    for _ in range(300):
        answer = httpx2.post(url, content=BODY, timeout=50)
        if answer.status_code == 200:
            return
        time.sleep(0.1)
    raise AssertionError(answer.text)


def port(server):
    return server.flags["rest_api_port"]


@contextlib.contextmanager
def connection(server):
    with socket.create_connection(("localhost", port(server)), timeout=50) as client:
        yield client


def answer_of(client):
    """Reads to the end of the connection; returns the status and the error."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := client.recv(65536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]


def request(body=BODY, headers=b""):
    return HEAD + headers + b"content-length: %d\r\n\r\n" % len(body) + body


def test_a_large_body_is_refused_by_its_announced_length(server):
    with connection(server) as client:
        client.sendall(HEAD + b"content-length: 5000000\r\n\r\n" + b" " * 100_000)
        code, error = answer_of(client)
    assert code == 413
    assert error == (
        "The body of a request must have at most 2000 bytes (--max_request_bytes). Received: 5000000 or "
        "more. Send fewer rows at a time."
    )


def test_a_large_body_in_chunks_is_refused_once_it_is_too_large(server):
    with connection(server) as client:
        client.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"5dc\r\n" + b" " * 1500 + b"\r\n")
        client.sendall(b"5dc\r\n" + b" " * 1500 + b"\r\n")
        code, error = answer_of(client)
    assert (code, "Received: 3000 or more" in error) == (413, True)


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"x: " + b"y" * 1000 + b"\r\n\r\n",
        HEAD + b"x: " + b"y" * 100_000,
        b"GET /v1/models/" + b"m" * 2000 + b" HTTP/1.1\r\n\r\n",
        HEAD + b"x: y\r\n" * 500 + b"\r\n",
    ],
)
def test_large_headers_are_refused(server, head):
    with connection(server) as client:
        client.sendall(head)
        code, error = answer_of(client)
    assert code == 431
    assert error == (
        "The request line and its headers must have at most 1000 bytes (--max_header_bytes). Received: more."
    )


@pytest.mark.parametrize(
    ("trailers", "in_pieces"),
    [
        (b"x: y\r\n" * 500 + b"\r\n", False),
        (b"x: y\r\n" * 500 + b"\r\n", True),
        (b"x: " + b"y" * 2000 + b"\r\n\r\n", False),
        (b"x: " + b"y" * 100_000, True),
    ],
)
def test_large_trailers_of_a_body_in_chunks_are_refused(server, trailers, in_pieces):
    chunk = b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n"
    parts = [HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunk, trailers]
    with connection(server) as client:
        for part in parts if in_pieces else [b"".join(parts)]:
            client.sendall(part)
            time.sleep(0.1)
        code, error = answer_of(client)
    assert code == 431
    assert "--max_header_bytes" in error


def test_a_body_in_chunks_with_a_trailer_is_answered(server):
    chunk = b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\nx: y\r\n\r\n"
    head = HEAD + b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    with connection(server) as client:
        client.sendall(head + chunk)
        received = b""
        while piece := client.recv(65536):
            received += piece
    assert received.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("part", [HEAD, HEAD + b"content-length: 29\r\n\r\n" + BODY[:10]])
def test_a_request_that_does_not_arrive_is_given_up(server, part):
    with connection(server) as client:
        client.sendall(part)
        code, error = answer_of(client)
    assert code == 408
    assert error.startswith(
        "A request must arrive within 1 seconds (--receive_timeout_seconds), or at 10000 "
    )


def test_a_connection_that_asks_nothing_is_closed(server):
    for first in (b"", b"\r\n", request()):
        with connection(server) as client:
            client.sendall(first)
            while client.recv(65536):
                pass


def test_no_more_connections_than_allowed(server):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connection(server)) for _ in range(4)]
        time.sleep(0.2)
        with connection(server) as client:
            code, error = answer_of(client)
        assert (code, error) == (
            503,
            "At most 4 connections may be open (--max_connections). Received: one more. Try again later.",
        )
        clients[0].sendall(request(headers=b"connection: close\r\n"))
        assert clients[0].recv(65536).startswith(b"HTTP/1.1 200")


def test_what_is_not_http_is_refused(server):
    with connection(server) as client:
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert answer_of(client) == (
            400,
            "Invalid HTTP request received. It must be HTTP/1.0 or HTTP/1.1.",
        )


def test_a_client_that_goes_away_in_the_middle_of_its_body_is_not_answered(server):
    name = ":tensorflow:serving:request_count"
    before = [line for line in server.metrics.requests.lines() if name in line]
    with connection(server) as client:
        client.sendall(HEAD + b"content-length: 29\r\n\r\n" + BODY[:10])
    time.sleep(0.3)
    assert [line for line in server.metrics.requests.lines() if name in line] == before


def test_a_kept_connection_answers_again_and_in_order(server):
    with connection(server) as client:
        client.sendall(request() + request(headers=b"connection: close\r\n"))
        received = b""
        while chunk := client.recv(65536):
            received += chunk
    assert received.count(b"HTTP/1.1 200") == 2


def test_rows_are_limited_over_both_protocols(server):
    message = (
        "A request must have at most 3 rows (--max_request_rows). Received: x with 4. Send several requests."
    )
    body = json.dumps({"inputs": [[1, 1, 1, 1]] * 4})
    answer = httpx2.post(f"http://localhost:{port(server)}/v1/models/linear:predict", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, message)
    with GrpcClient(f"localhost:{server.flags['port']}") as client:
        with pytest.raises(PredictionError) as raised:
            client.predict("linear", {"x": np.ones((4, 4), np.float32)})
        assert (raised.value.status, raised.value.message) == ("INVALID_ARGUMENT", message)


def test_messages_are_limited_over_grpc(server):
    with GrpcClient(f"localhost:{server.flags['port']}") as client:
        with pytest.raises(PredictionError) as raised:
            client.predict("linear", {"x": np.ones((1000, 4), np.float32)})
        assert raised.value.status == "RESOURCE_EXHAUSTED"
        assert "Received message larger than max" in raised.value.message


def test_limits_must_be_positive():
    with pytest.raises(status.InvalidArgument, match="--max_request_rows must be positive. Received: 0"):
        ModelServer(model_base_path="/m", max_request_rows=0)
