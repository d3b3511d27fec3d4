"""Starts a server on a directory of models and measures it under one batching setting."""

import contextlib
import errno
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.bench.batching_setting import Setting
from serving.bench.load_generator import GRPC, Load, LoadRequest, drive
from serving.client.connection import connect
from serving.launch.config_files import find_models
from serving.launch.engine import DOCKER, Engine, RunningServer
from serving.model_server.ports import check_port_is_free, listening_socket
from serving.wire import tensor_proto

WARM_UP_SECONDS = 1.0
PORT_ATTEMPTS = 10


@dataclass(frozen=True)
class Measurement:
    """One load on one model under one setting.

    Attributes:
        max_memory_bytes: The server's largest resident memory since its start; None if it is not known.
        intra_op_parallelism: Threads per operation; 0 for TensorFlow's choice.
    """

    setting: Setting
    request: LoadRequest
    protocol: str
    num_clients: int
    load: Load
    max_memory_bytes: int | None
    intra_op_parallelism: int = 0

    @property
    def rows_per_second(self) -> float:
        """Rows answered per second, which are images for this project's models."""
        return self.load.requests_per_second * self.request.num_rows


def recorded_request(models_dir: Path, model_name: str, signature_name: str | None = None) -> LoadRequest:
    """Returns the first warm-up request of a model's highest version.

    Args:
        models_dir: Directory of all models.
        model_name: Name of the model.
        signature_name: Considers only requests of this signature; those of any signature by default.

    Raises:
        ValueError: The version has no such warm-up request.
    """
    from serving.model_server.core import warm_up

    path = models_dir / model_name / str(find_models(models_dir)[model_name][-1]) / warm_up.FILE_NAME
    names = []
    for record in warm_up.recorded_requests(path) if path.is_file() else ():
        request = record.predict_log.request
        names.append(request.model_spec.signature_name)
        if record.WhichOneof("log_type") == "predict_log" and signature_name in (None, names[-1]):
            inputs = {name: tensor_proto.to_array(proto) for name, proto in request.inputs.items()}
            return LoadRequest(model_name, names[-1], inputs)
    raise ValueError(
        "A model must have a warm-up request of the signature, because the load repeats it. Received: "
        f"model={model_name!r}, signature={signature_name!r}; {path} holds {', '.join(names) or 'nothing'}. "
        "Export the model again: zoo export."
    )


def measure(
    models_dir: Path,
    engine: Engine,
    setting: Setting,
    requests: Sequence[LoadRequest],
    protocols: Sequence[str],
    clients: Sequence[int],
    seconds: float,
    intra_op_parallelism: int = 0,
) -> Iterator[Measurement]:
    """Starts a server under a setting and yields its measurements.

    Args:
        models_dir: Directory of all models.
        engine: The engine that starts the server.
        setting: The batching setting.
        requests: The requests; each is the load of its own measurements.
        protocols: `GRPC`, `REST` or both.
        clients: Numbers of simultaneous clients.
        seconds: Duration of each load.
        intra_op_parallelism: Threads per operation; 0 lets TensorFlow choose.

    Raises:
        RuntimeError: The server does not start, or the load generator fails.
        PredictionError: The server refuses a request.
    """
    with started_server(models_dir, engine, setting, intra_op_parallelism) as server:
        for request in requests:
            # Also finds errors of single rows, which the load generator does not check.
            with connect(server.grpc_address) as client:
                client.predict(request.model_name, request.inputs, request.signature_name)
            drive(server.grpc_address, GRPC, request, max(clients), WARM_UP_SECONDS)
            for protocol in protocols:
                address = server.grpc_address if protocol == GRPC else server.rest_address
                for num_clients in clients:
                    load = drive(address, protocol, request, num_clients, seconds)
                    memory = None if engine.name == DOCKER else memory_bytes(server.process_id, "VmHWM")
                    yield Measurement(
                        setting, request, protocol, num_clients, load, memory, intra_op_parallelism
                    )


def _free_ports(host: str) -> tuple[int, int]:
    for _ in range(PORT_ATTEMPTS):
        with (
            listening_socket(0, "--port", host) as one,
            listening_socket(0, "--rest-api-port", host) as other,
        ):
            ports = one.getsockname()[1], other.getsockname()[1]
        # A connection to somewhere else may have been given one of them meanwhile.
        with contextlib.suppress(OSError):
            for port in ports:
                check_port_is_free(port, "--port", host)
            return ports
    raise OSError(errno.EADDRINUSE, "No port stayed free. Stop programs that open many connections.")


@contextlib.contextmanager
def started_server(
    models_dir: Path, engine: Engine, setting: Setting, intra_op_parallelism: int = 0
) -> Iterator[RunningServer]:
    """Runs a server on free ports and keeps its output for the error message.

    Raises:
        RuntimeError: The server does not start; the message holds the end of its output.
    """
    port, rest_api_port = _free_ports(engine.host)
    with tempfile.TemporaryFile() as log:
        try:
            batching = setting.to_proto()
            with RunningServer(
                models_dir, port, rest_api_port, engine, batching, log, intra_op_parallelism
            ) as server:
                server.wait_until_ready()
                yield server
        except RuntimeError as error:
            log.seek(0)
            end = log.read()[-2000:].decode(errors="replace").strip()
            raise RuntimeError(f"{error} The end of the server's output: {end}") from error


def memory_bytes(process_id: int, field: str = "VmRSS") -> int | None:
    """Returns a process's resident memory, or with `VmHWM` its largest so far; None if Linux does not say."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process_id}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    return None
