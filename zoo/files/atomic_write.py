"""Writes files and directories atomically: they appear under their final name complete or not at all.

Everything is first written next to its destination, under a temporary name that nothing reads, and renamed
once it is on disk. If the process is killed, the destination has either the old or the new content; a
temporary file may remain, which `remove_unfinished` deletes.
"""

import contextlib
import ctypes
import errno
import hashlib
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

_PREFIX = ".writing-"
# Constants of renameat2(2): paths relative to the working directory, and exchange of two names.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path, which replaces `path` when the block ends without an exception.

    Args:
        path: The final name. An existing file is replaced atomically, never emptied first.

    Yields:
        A path with the same suffix in the same directory; its file is removed if the block raises.

    Raises:
        OSError: The file cannot be written.

    Example:

    ```python
    with atomic_path(run / "model.keras") as temporary:
        model.save(temporary)
    ```
    """
    temporary = _unfinished_path(path)
    try:
        yield temporary
        sync(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def write_bytes(path: Path, content: bytes) -> Path:
    """Writes a file atomically, creates its directory if necessary, and returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return path


def write_text(path: Path, text: str) -> Path:
    """Writes text in UTF-8, as `write_bytes` does."""
    return write_bytes(path, text.encode())


@contextlib.contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yields an empty temporary directory, which replaces `path` when the block ends without an exception.

    Args:
        path: The final name. An existing directory is replaced as by `replace_directory`.

    Yields:
        The directory to fill; it is removed if the block raises.

    Raises:
        OSError: The directory cannot be written.

    Example:

    ```python
    with atomic_directory(study / "best") as directory:
        shutil.copytree(run, directory, dirs_exist_ok=True)
    ```
    """
    unfinished = _unfinished_path(path)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        sync_tree(unfinished)
        replace_directory(unfinished, path)
    finally:
        # After an exchange this name belongs to the replaced directory.
        shutil.rmtree(unfinished, ignore_errors=True)
    sync(path.parent)


def replace_directory(new: Path, path: Path) -> None:
    """Replaces a directory atomically: at any time `path` is either the old or the new one.

    On a file system that cannot exchange two names (Linux's native ones can; NFS cannot), `path` is missing
    for a moment. A process killed at that moment leaves the old directory next to it, as `NAME.replaced-...`.

    Args:
        new: The new directory.
        path: The final name. An existing directory of that name gets the name `new`; the caller removes it.

    Raises:
        OSError: The directory cannot be renamed; nothing was changed.
    """
    try:
        os.rename(new, path)  # fails if `path` is a directory that is not empty
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if not _exchange(new, path):
            _rename_thrice(new, path)


def _exchange(new: Path, path: Path) -> bool:
    """Exchanges two names atomically; returns False if the system or the file system does not support it."""
    if sys.platform != "linux":
        return False
    system = ctypes.CDLL(None, use_errno=True)
    if not hasattr(system, "renameat2"):
        return False
    if system.renameat2(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(path), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS):
        return False
    raise OSError(number, os.strerror(number), str(new), None, str(path))


def _rename_thrice(new: Path, path: Path) -> None:
    aside = path.with_name(f"{path.name}.replaced-{uuid.uuid4().hex[:16]}")
    os.rename(path, aside)
    try:
        os.rename(new, path)
    except BaseException:
        os.rename(aside, path)
        raise
    os.rename(aside, new)


def remove_unfinished(directory: Path, name: str | None = None) -> None:
    """Removes temporary files and directories left by processes that were killed while writing.

    Only the sole writer, such as the holder of a lock, may call it: files that another process is still
    writing look the same.

    Args:
        directory: Directory of the finished files and directories.
        name: Final name of the file or directory; any by default.
    """
    for path in directory.glob(f"{_PREFIX}{_digest(name) if name else '*'}-*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Waits until a file, or a directory's list of names, is on disk.

    Raises:
        OSError: The disk fails, or the path does not exist.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems do not support it for directories
            raise
    finally:
        os.close(descriptor)


def sync_tree(directory: Path) -> None:
    """Waits until everything below a directory is on disk; see `sync`."""
    for parent, _, names in os.walk(directory, topdown=False):
        for name in names:
            sync(Path(parent, name))
        sync(Path(parent))


def _unfinished_path(path: Path) -> Path:
    # Its length does not depend on the final name's, which may already have the maximum length.
    return path.with_name(f"{_PREFIX}{_digest(path.name)}-{uuid.uuid4().hex[:16]}{path.suffix}")


def _digest(name: str) -> str:
    return hashlib.blake2b(os.fsencode(name), digest_size=6).hexdigest()
