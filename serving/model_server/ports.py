"""Opens TCP ports and checks that they are free, with errors that name the option to change."""

import errno
import socket


def listening_socket(port: int, option: str) -> socket.socket:
    """Returns a socket that listens on every address, over IPv6 and IPv4 if both exist.

    Args:
        port: The port; 0 picks any free one.
        option: The command-line option that sets the port, for the error message.

    Raises:
        OSError: The port is in use, or not allowed.
    """
    dual_stack = socket.has_dualstack_ipv6()
    try:
        listening = socket.create_server(
            ("::" if dual_stack else "0.0.0.0", port),
            family=socket.AF_INET6 if dual_stack else socket.AF_INET,
            dualstack_ipv6=dual_stack,
            backlog=1024,
        )
    except OSError as error:
        raise port_error(port, option, error) from error
    # Connections inherit this; without it, a response in two writes waits 40 ms for an acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def check_port_is_free(port: int, option: str) -> None:
    """Checks that a server may open a port; 0 (off) always passes.

    Args:
        port: The port.
        option: The command-line option that sets it, for the error message.

    Raises:
        OSError: The port is in use, or not allowed.
    """
    if port:
        listening_socket(port, option).close()


def port_error(port: int, option: str, error: OSError) -> OSError:
    """Returns an error that names the port and its option."""
    reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror})"
    return OSError(error.errno, f"Port {port} {reason}. Choose another one with {option}.")
