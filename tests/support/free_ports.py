"""Ports for servers that tests start."""

import itertools
import os
import socket

# Below the ports that Linux lends to outgoing connections (32768 and up), or a port that is free when it is
# chosen can be taken before the server starts. Each process of the test run has a slice of its own.
FIRST_PORT, SLICE_SIZE, NUM_SLICES = 11_000, 400, 50
_offsets = itertools.count()


def free_port() -> int:
    """Returns a port that nobody listens on, and that this process has not been given lately."""
    first = FIRST_PORT + os.getpid() % NUM_SLICES * SLICE_SIZE
    for _ in range(SLICE_SIZE):
        port = first + next(_offsets) % SLICE_SIZE
        try:
            socket.create_server(("", port)).close()
        except OSError:
            continue
        return port
    raise OSError(f"Every port from {first} to {first + SLICE_SIZE - 1} is in use.")


def free_ports(count: int) -> list[int]:
    """Returns distinct ports that nobody listens on."""
    return [free_port() for _ in range(count)]
