"""One trainer of a run directory at a time."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from training.runs.run_directory import LOCK


class RunInUseError(RuntimeError):
    """Another process trains the run; the message says which one and what to do."""


@contextmanager
def locked_run(run: Path) -> Iterator[None]:
    """Holds the lock of a run directory, whose file says who holds it and is removed in the end.

    The kernel releases the lock however the process ends: what a killed process leaves of the file locks
    nothing. A file system without locks is used without one.

    Args:
        run: Run directory, which exists.

    Raises:
        OSError: The directory cannot be written.
        RunInUseError: Another process holds the lock.
    """
    path = run / LOCK
    descriptor = _take(run, path)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _take(run: Path, path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            with suppress(OSError):
                _lock(run, descriptor)
            if _is_file_of(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # who held the lock ended just now, and removed the file


def _lock(run: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 1000, 0).decode(errors="replace").strip() or "another process"
        raise RunInUseError(
            f"A run is trained by one process at a time. Received: {run}, which is being trained by "
            f"{holder}. Let that end, or stop it with SIGTERM, which saves; then: zoo train --resume {run}"
        ) from error


def _is_file_of(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
