"""Ports for servers that tests start."""

import functools
import itertools
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

# Below the ports that Linux lends to outgoing connections (32768 and up), or a port that is free when it is
# chosen can be taken before the server starts. For the same reason each process has a slice of its own, of
# which the others know by a lock that the system releases with the process. A slice has more ports than a
# test run uses: clients that are left over from one server would find the next.
FIRST_PORT, SLICE_SIZE, NUM_SLICES = 11_000, 1_000, 21
_offsets = itertools.count()
# As the system writes it.
_LISTENING = "0A"


@functools.cache
def _own_slice() -> tuple[int, FileLock]:
    """Returns the first port of a slice that no other process uses, and the lock to keep."""
    for number in range(NUM_SLICES):
        lock = FileLock(Path(tempfile.gettempdir(), f"zoo-tests-ports-{number}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        return FIRST_PORT + number * SLICE_SIZE, lock
    raise OSError(f"All {NUM_SLICES} slices of ports are in use by other test processes.")


def free_port() -> int:
    """Returns a port that nobody listens on, and that this process has not been given lately."""
    first, _ = _own_slice()
    for _ in range(SLICE_SIZE):
        port = first + next(_offsets) % SLICE_SIZE
        if _is_free(port):
            return port
    raise OSError(f"Every port from {first} to {first + SLICE_SIZE - 1} is in use.")


def _is_free(port: int) -> bool:
    """Returns whether nobody listens on a port, over IPv4 or IPv6.

    Reads it from the system's tables. To try it by listening would leave the port taken for a moment if
    another thread starts a process just then, which inherits the socket until it runs its own program.
    """
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            _, local, _, state = line.split()[:4]
            if state == _LISTENING and int(local.rpartition(":")[2], 16) == port:
                return False
    return True


def free_ports(count: int) -> list[int]:
    """Returns distinct ports that nobody listens on."""
    return [free_port() for _ in range(count)]
