"""Ports: taken ones are found, and to look for them never keeps one from the server that opens it next."""

import socket

import grpc
import pytest
from free_ports import free_port

from serving.model_server import ports
from serving.model_server.ports import check_port_is_free, listening_socket, to_address
from serving.wire.server_defaults import ALL_ADDRESSES

HOSTS = [ALL_ADDRESSES, "127.0.0.1", "localhost"]


@pytest.fixture
def inherited(monkeypatch):
    """Copies of the checks' sockets, as a process has that another thread starts at that moment."""
    copies = []

    class InheritedSocket(socket.socket):
        def close(self):
            copies.append(self.dup())
            super().close()

    with monkeypatch.context() as patched:
        patched.setattr(ports.socket, "socket", InheritedSocket)
        yield copies
    for copy in copies:
        socket.socket.close(copy)


@pytest.mark.parametrize("host", HOSTS)
def test_a_socket_that_listens_is_found(host):
    port = free_port()
    with listening_socket(port, "--port", host):
        for check in (check_port_is_free, listening_socket):
            with pytest.raises(OSError, match=f"Port {port} is in use. Choose another one with --port."):
                check(port, "--port", host)
    check_port_is_free(port, "--port", host)


@pytest.mark.parametrize("host", HOSTS)
def test_a_process_that_inherits_the_check_does_not_keep_the_port(inherited, host):
    port = free_port()
    check_port_is_free(port, "--port", host)
    assert inherited
    server = grpc.server(None)
    assert server.add_insecure_port(to_address(host, port)) == port
    server.start()
    server.stop(None).wait()
    with listening_socket(port, "--port", host) as listening:
        assert listening.getsockname()[1] == port


def test_connections_over_both_families_reach_the_server():
    with listening_socket(0, "--port") as listening:
        port = listening.getsockname()[1]
        for address in ("127.0.0.1", "::1"):
            socket.create_connection((address, port)).close()


def test_port_zero_is_off():
    check_port_is_free(0, "--port", "no.such.host.invalid")
