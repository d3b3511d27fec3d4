"""Runs a real nginx with the gateway's configuration, and makes clients for it."""

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
    """Runs the script that creates the certificate and keys."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    command = ["sh", str(SECRETS), str(directory), action, name]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Gateway:
    """A gateway process and its clients.

    Args:
        deployment: The deployment's settings.
        directory: Directory of the deployment's files, to which the gateway also writes.
    """

    def __init__(self, deployment: Deployment, directory: Path):
        self.deployment = deployment
        self.certificate = Path(deployment.secrets_dir) / "tls.crt"
        self._command = ["nginx", "-p", str(directory), "-c", str(directory / "gateway" / "nginx.conf")]
        if os.geteuid() == 0:
            # Started by root, nginx would switch to another user, who may not enter the tests' directories.
            self._command += ["-g", "user root;"]
        self._log_path = directory / "log"

    def start(self) -> subprocess.Popen:
        """Starts nginx and returns its process once it listens."""
        with self._log_path.open("wb") as log:
            process = subprocess.Popen(self._command, stdout=log, stderr=log)
        try:
            wait_for_port(self.deployment.gateway_port, process, 20)
        except AssertionError as error:
            raise RuntimeError(f"nginx did not start: {self.log()}") from error
        return process

    def reload(self) -> None:
        """Makes nginx reload its files and waits until it has."""
        subprocess.run([*self._command, "-s", "reload"], check=True, capture_output=True)

    def log(self) -> str:
        """Returns nginx's output so far."""
        return self._log_path.read_text(encoding="utf-8")

    def rest(self, key: str | None) -> httpx2.Client:
        """Returns a client that trusts the certificate and sends a key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        address = f"https://localhost:{self.deployment.gateway_port}"
        trusting = ssl.create_default_context(cafile=self.certificate)
        return httpx2.Client(base_url=address, headers=headers, verify=trusting, trust_env=False, timeout=30)

    def call(self, path: str, request: bytes, key: str | None):
        """Sends a gRPC request; returns the response, or the error's code name and message."""
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
    """Runs a deployment's gateway, whose certificate and keys must exist; yields it."""
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
