"""Runs a server in its own process, for fuzzing."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc
from free_ports import free_ports
from fuzz_values import Target, targets_of
from tensorflow_serving.apis import get_model_metadata_pb2

from serving.launch.config_files import write_config_files

ROOT = Path(__file__).parents[3]
START_SECONDS = 120
# `slow` runs for ever whatever its input is.
_LEFT_OUT = ("slow", "__saved_model_init_op")


@dataclasses.dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        process: The server's process.
        log: File with the server's output.
    """

    process: subprocess.Popen
    port: int
    rest_port: int
    log: Path

    def resident_bytes(self) -> int:
        """Returns the server's resident memory."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf(
            "SC_PAGE_SIZE"
        )

    def targets(self, models: Sequence[str]) -> list[Target]:
        """Returns every signature of the models, as the server describes them."""
        found = []
        with grpc.insecure_channel(f"localhost:{self.port}") as channel:
            call = channel.unary_unary(
                "/tensorflow.serving.PredictionService/GetModelMetadata",
                request_serializer=get_model_metadata_pb2.GetModelMetadataRequest.SerializeToString,
                response_deserializer=get_model_metadata_pb2.GetModelMetadataResponse.FromString,
            )
            for model in models:
                request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
                request.model_spec.name = model
                signatures = get_model_metadata_pb2.SignatureDefMap()
                call(request).metadata["signature_def"].Unpack(signatures)
                found += targets_of(signatures, model, _LEFT_OUT)
        return found


@contextlib.contextmanager
def running_process(models_dir: Path, directory: Path, *flags: str) -> Iterator[Server]:
    """Runs `python -m serving.model_server` on all models of a directory; yields it once it answers.

    Args:
        models_dir: Directory of all models, with `<model_name>/<version>/` directories.
        directory: Directory for the server's configuration and log.
        flags: Further flags of the server.
    """
    write_config_files(models_dir, directory)
    port, rest_port = free_ports(2)
    arguments = [
        f"--port={port}",
        f"--rest_api_port={rest_port}",
        f"--model_config_file={directory / 'models.config'}",
        "--allow_version_labels_for_unavailable_models=true",
        *flags,
    ]
    log = directory / "server.log"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "serving.model_server", *arguments],
            stdout=output,
            stderr=output,
            env=environment,
        )
        try:
            _wait_until_open(process, log)
            yield Server(process, port, rest_port, log)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


def _wait_until_open(process, log):
    end = time.monotonic() + START_SECONDS
    while b"Exporting HTTP/REST API" not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"The server did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)
