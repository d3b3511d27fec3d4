"""Stands in for k6 if it is not installed: `python fake_k6.py run … --env=PLAN=FILE load.js`.

Sends the requests of `load_generator`'s plan and prints the summary that `load.js` prints.
"""

import concurrent.futures
import http.client
import json
import statistics
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import grpc
from google.protobuf import json_format

from serving.wire import messages

METHOD = "/tensorflow.serving.PredictionService/Predict"
# Arguments that load_generator must pass to k6 before the plan and the script.
FLAGS = ["run", "--quiet", "--no-usage-report", "--no-color", "--address="]


def install(directory: Path) -> Path:
    """Writes an executable `k6` into a directory for PATH."""
    path = directory / "k6"
    root = Path(__file__).parents[2]
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{root}" exec "{sys.executable}" "{__file__}" "$@"\n')
    path.chmod(0o755)
    return path


def grpc_client(plan):
    request = json_format.ParseDict(plan["request"], messages.PredictRequest())
    channel = grpc.insecure_channel(plan["target"])
    send = channel.unary_unary(METHOD, messages.PredictRequest.SerializeToString)

    def ask():
        try:
            send(request, timeout=60)
        except grpc.RpcError as error:
            return f"{error.code().value[0]} {error.details()}"
        return ""

    return ask


def rest_client(plan):
    target = urlsplit(plan["target"])
    connection = http.client.HTTPConnection(target.netloc, timeout=60)

    def ask():
        connection.request("POST", target.path, plan["request"].encode())
        answer = connection.getresponse()
        body = answer.read().decode()
        return "" if answer.status == 200 else f"HTTP {answer.status} {body}"

    return ask


class Turns:
    """Hands out the requests' start times, at once or at a rate, and drops those that no client can take."""

    def __init__(self, plan):
        self.rate, self.end = plan["rate"], time.monotonic() + plan["seconds"]
        self.next, self.num_dropped, self.lock = time.monotonic(), 0, threading.Lock()

    def wait(self) -> bool:
        with self.lock:
            begin = now = time.monotonic()
            if self.rate:
                while self.next + 1 / self.rate < now and self.next < self.end:
                    self.next += 1 / self.rate
                    self.num_dropped += 1
                begin, self.next = self.next, self.next + 1 / self.rate
        if begin >= self.end:
            return False
        time.sleep(max(begin - now, 0))
        return True


def drive(plan, turns):
    """Sends one client's requests and returns the seconds and error of each."""
    ask = {"grpc": grpc_client, "rest": rest_client}[plan["protocol"]](plan)
    answers = []
    while turns.wait():
        begin = time.perf_counter()
        error = ask()
        answers.append((time.perf_counter() - begin, error))
    return answers


def main(arguments):
    assert arguments[: len(FLAGS)] == FLAGS, arguments
    marked, script = arguments[len(FLAGS) :]
    assert Path(script).is_file(), script
    plan = json.loads(Path(marked.removeprefix("--env=PLAN=")).read_text())
    assert Path(plan["protoset"]).stat().st_size > 0
    begin, turns = time.monotonic(), Turns(plan)
    with concurrent.futures.ThreadPoolExecutor(plan["clients"]) as pool:
        clients = [pool.submit(drive, plan, turns) for _ in range(plan["clients"])]
        answers = [answer for client in clients for answer in client.result()]
    milliseconds = [1000 * seconds for seconds, _ in answers]
    cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
    errors = [error for _, error in answers if error]
    sys.stderr.write("".join(f"level=error msg={json.dumps(error)} source=console\n" for error in errors))
    latency = {"count": len(answers), "med": cuts[49], "p(95)": cuts[94], "p(99)": cuts[98]}
    latency["max"] = max(milliseconds)
    seconds = time.monotonic() - begin
    print(
        json.dumps(
            {"latency": latency, "failed": len(errors), "dropped": turns.num_dropped, "seconds": seconds}
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
