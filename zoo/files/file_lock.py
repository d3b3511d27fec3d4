"""Locks on files and directories, for one process at a time."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import lock_descriptor

OnHeld = Callable[[str], None] | None


@contextlib.contextmanager
def file_lock(path: Path, on_held: OnHeld = None) -> Iterator[None]:
    """Acquires a file's lock, waiting if necessary, and holds it during the block.

    The system releases the lock however the process ends. The file names the holder, for other processes'
    messages, and remains afterwards. On a file system without locks, none is acquired.

    Args:
        path: The lock file, which is created if necessary and has no other content.
        on_held: Called once with the holder, e.g. `"process 7 on host"`, if another process or thread holds
            the lock. It may raise an exception instead of waiting.

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
    """Acquires and holds a directory's lock, without writing anything to it.

    Args:
        path: An existing directory.
        on_held: As for `file_lock`, but the holder is unknown.

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
            # If not, the previous holder has removed or renamed the file or directory.
            if _is_at(path, descriptor):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _lock(descriptor: int, blocking: bool) -> bool:
    try:
        return lock_descriptor(descriptor, blocking=blocking)
    except OSError:  # the file system or this Python does not support locks
        return True


def _holder(path: Path) -> str:
    try:
        said = path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # a directory, or a file removed meanwhile
        said = ""
    return said or "another process"


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
