"""A real nginx with the gateway's configuration, and clients for it."""

import contextlib
import os
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path

import grpc
import httpx2
import pytest
from deployed_server import wait_for_port

from serving.deploy.deployment import TEMPLATES, Deployment, write_deployment

SECRETS = TEMPLATES / "gateway" / "secrets.sh"


def secrets(directory: Path, action: str, name: str) -> subprocess.CompletedProcess:
    """Runs the script that makes certificate and keys."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    command = ["sh", str(SECRETS), str(directory), action, name]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Gateway:
    """A gateway that runs, and what its clients need.

    Args:
        deployment: What it is for.
        directory: The deployment's files; the gateway also writes here.
    """

    def __init__(self, deployment: Deployment, directory: Path):
        self.deployment = deployment
        self.certificate = Path(deployment.secrets_dir) / "tls.crt"
        self._command = ["nginx", "-p", str(directory), "-c", str(directory / "gateway" / "nginx.conf")]
        if os.geteuid() == 0:
            # Started by root, nginx would go on as another user, who may not enter the directories of tests.
            self._command += ["-g", "user root;"]
        self._log_path = directory / "log"

    def start(self) -> subprocess.Popen:
        """Starts nginx, and returns it once it listens."""
        with self._log_path.open("wb") as log:
            process = subprocess.Popen(self._command, stdout=log, stderr=log)
        try:
            wait_for_port(self.deployment.gateway_port, process, 20)
        except AssertionError as error:
            raise RuntimeError(f"nginx did not start: {self.log()}") from error
        return process

    def reload(self) -> None:
        """Makes it read its files again, and returns once it has."""
        subprocess.run([*self._command, "-s", "reload"], check=True, capture_output=True)

    def log(self) -> str:
        """Returns what it has written so far."""
        return self._log_path.read_text(encoding="utf-8")

    def rest(self, key: str | None) -> httpx2.Client:
        """Returns a client that trusts the certificate and sends a key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        address = f"https://localhost:{self.deployment.gateway_port}"
        trusting = ssl.create_default_context(cafile=self.certificate)
        return httpx2.Client(base_url=address, headers=headers, verify=trusting, trust_env=False, timeout=30)

    def call(self, path: str, request: bytes, key: str | None):
        """Asks over gRPC; returns the answer, or the code's name and the message."""
        credentials = grpc.ssl_channel_credentials(self.certificate.read_bytes())
        address = f"localhost:{self.deployment.gateway_port}"
        options = [("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", -1)]
        metadata = [("authorization", f"Bearer {key}")] if key else []
        with grpc.secure_channel(address, credentials, options) as channel:
            try:
                return channel.unary_unary(path)(request, timeout=30, metadata=metadata)
            except grpc.RpcError as error:
                return error.code().name, error.details()


@contextlib.contextmanager
def running_gateway(deployment: Deployment):
    """Runs the gateway of a deployment whose certificate and keys are there; yields it."""
    if not shutil.which("nginx"):
        pytest.skip("nginx is not installed")
    with tempfile.TemporaryDirectory(prefix="gateway-") as directory:
        write_deployment(deployment, Path(directory))
        gateway = Gateway(deployment, Path(directory))
        process = gateway.start()
        try:
            yield gateway
        finally:
            process.terminate()
            process.wait(20)
