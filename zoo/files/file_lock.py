"""One process at a time: the lock of a file, or of a directory."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import lock_descriptor

OnHeld = Callable[[str], None] | None


@contextlib.contextmanager
def file_lock(path: Path, on_held: OnHeld = None) -> Iterator[None]:
    """Holds the lock of a file, once nobody else does.

    The system frees it however the process ends. The file says who holds it, for the messages of others, and
    stays where it is afterwards. A file system without locks is used without one.

    Args:
        path: The file, which is created if need be and has no other content.
        on_held: Called once with the holder, e.g. `"process 7 on host"`, where another process or thread
            holds the lock. It may raise; otherwise the lock is waited for.

    Raises:
        OSError: The file cannot be written.

    Example:

    ```python
    with file_lock(data_dir / ".fashion_mnist.lock", on_held=lambda holder: print(f"Waiting for {holder}.")):
        write(data_dir)
    ```
    """
    with _locked(path, os.O_RDWR | os.O_CREAT, on_held) as descriptor:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        yield


@contextlib.contextmanager
def directory_lock(path: Path, on_held: OnHeld = None) -> Iterator[None]:
    """Holds the lock of a directory, and leaves no trace in it.

    Args:
        path: The directory, which exists.
        on_held: As for `file_lock`; the holder is not known.

    Raises:
        OSError: The directory is missing or cannot be read.

    Example:

    ```python
    with directory_lock(models_dir / "dcgan"):
        write_labels(models_dir / "dcgan")
    ```
    """
    with _locked(path, os.O_RDONLY, on_held):
        yield


@contextlib.contextmanager
def _locked(path: Path, flags: int, on_held: Callable[[str], object] | None) -> Iterator[int]:
    while True:
        descriptor = os.open(path, flags, 0o644)
        try:
            if not _lock(descriptor, blocking=False):
                if on_held is not None:
                    on_held(_holder(path))
                    on_held = None
                _lock(descriptor, blocking=True)
            # Otherwise whoever held the lock has removed or renamed what it is of.
            if _is_at(path, descriptor):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _lock(descriptor: int, blocking: bool) -> bool:
    try:
        return lock_descriptor(descriptor, blocking=blocking)
    except OSError:  # the file system, or this Python, has no locks
        return True


def _holder(path: Path) -> str:
    try:
        said = path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # a directory, or a file that is removed by now
        said = ""
    return said or "another process"


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
