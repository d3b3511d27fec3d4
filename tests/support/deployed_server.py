"""Runs the embedded server with a deployment's own files and flags."""

import contextlib
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from free_ports import free_ports
from serving_models import models_dir

from serving.deploy import deployment as deployments
from serving.deploy.deployment import Deployment, write_deployment


@contextlib.contextmanager
def running_deployed_server(directory: Path, **changes):
    """Runs a server on all of `models_dir`; yields its deployment, whose files are in the directory."""
    port, rest_api_port, gateway_port = free_ports(3)
    with pytest.MonkeyPatch.context() as patch:
        # The path at which a container would mount them.
        patch.setattr(deployments, "MODELS_MOUNT", models_dir())
        patch.setattr(deployments, "CONFIG_MOUNT", directory / "config")
        deployment = Deployment(
            models_dir(), port, rest_api_port, gateway_port, serving_host="127.0.0.1", **changes
        )
        write_deployment(deployment, directory)
        command = [sys.executable, "-m", "serving.model_server", *deployment.server_arguments()]
        process = subprocess.Popen(command)
        try:
            wait_for_port(rest_api_port, process)
            yield deployment
        finally:
            process.terminate()
            process.wait(30)


def wait_for_port(port: int, process: subprocess.Popen, seconds: float = 90) -> None:
    """Waits until a process listens; fails if it ends or takes too long."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            return socket.create_connection(("127.0.0.1", port), 1).close()
        assert process.poll() is None, f"ended with {process.returncode}"
        assert time.monotonic() < end, "not ready in time"
        time.sleep(0.05)
