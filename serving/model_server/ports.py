"""Opens TCP ports and checks that they are free, with errors that name the option to change."""

import errno
import socket

from serving.wire.server_defaults import ALL_ADDRESSES


def listening_socket(port: int, option: str, host: str = ALL_ADDRESSES) -> socket.socket:
    """Returns a socket that listens on an address.

    Args:
        port: The port; 0 picks any free one.
        option: The command-line option that sets the port, for the error message.
        host: An address or name of this machine; by default all of them, over IPv6 and IPv4 if both exist.

    Raises:
        OSError: The port is in use, or not allowed, or the address is not this machine's.
    """
    listening = _bound_socket(port, option, host)
    try:
        listening.listen(1024)
    except OSError as error:  # two that bind at the same time learn of each other here
        listening.close()
        raise port_error(port, option, error) from error
    # Connections inherit this; without it, a response in two writes waits 40 ms for an acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _bound_socket(port: int, option: str, host: str) -> socket.socket:
    dual_stack = host == ALL_ADDRESSES and socket.has_dualstack_ipv6()
    bound = socket.socket(socket.AF_INET6 if dual_stack or ":" in host else socket.AF_INET)
    try:
        # A port whose last connections are closing is free.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if bound.family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual_stack)
        bound.bind(("::" if dual_stack else host, port))
    except OSError as error:
        bound.close()
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise _host_error(host, error) from error
        raise port_error(port, option, error) from error
    return bound


def check_port_is_free(port: int, option: str, host: str = ALL_ADDRESSES) -> None:
    """Checks that a server may open a port; 0 (off) always passes.

    It does not listen: a process that another thread starts at this moment inherits the socket, and would
    keep the port from the server.

    Args:
        port: The port.
        option: The command-line option that sets it, for the error message.
        host: As for `listening_socket`.

    Raises:
        OSError: The port is in use, or not allowed, or the address is not this machine's.
    """
    if port:
        _bound_socket(port, option, host).close()


def to_address(host: str, port: int) -> str:
    """Returns host and port in one text, as gRPC takes them.

    Example:

    >>> to_address("127.0.0.1", 8500), to_address("::1", 8500)
    ('127.0.0.1:8500', '[::1]:8500')
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _host_error(host: str, error: OSError) -> OSError:
    return OSError(
        error.errno,
        f"{host} is no address of this machine ({error.strerror}). Choose another one with --host.",
    )


def port_error(port: int, option: str, error: OSError) -> OSError:
    """Returns an error that names the port and its option."""
    reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror})"
    return OSError(error.errno, f"Port {port} {reason}. Choose another one with {option}.")
