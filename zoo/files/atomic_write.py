"""Files and directories that appear under their final name whole or not at all.

Everything is written beside its place, under a name that nobody reads, and renamed once it is on disk. A
process that is killed leaves what stood there before, or the new content, and perhaps something unfinished
beside it, which `remove_unfinished` takes away.
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
# renameat2(2): paths are relative to the working directory; two names are exchanged.
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
    """Writes a file whole or not at all, and its directory if need be; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return path


def write_text(path: Path, text: str) -> Path:
    """Writes a text in UTF-8 as `write_bytes` does."""
    return write_bytes(path, text.encode())


@contextlib.contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yields an empty directory beside `path`, which replaces it when the block ends well.

    Args:
        path: The final name. A directory that has it is replaced as by `replace_directory`.

    Yields:
        The directory to fill; removed when the block raises.

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
        # After an exchange, this is the directory that was replaced.
        shutil.rmtree(unfinished, ignore_errors=True)
    sync(path.parent)


def replace_directory(new: Path, path: Path) -> None:
    """Gives a directory another's name: `path` names the old one or the new one, whenever one looks.

    On a file system that cannot exchange two names (Linux' own can; NFS cannot), `path` names nothing for a
    moment, and a process that is killed in it leaves the old directory beside it, as `NAME.replaced-...`.

    Args:
        new: The directory that gets the name.
        path: The name. If a directory has it, that one is called `new` afterwards: the caller removes it.

    Raises:
        OSError: It cannot be renamed; everything is as it was.
    """
    try:
        os.rename(new, path)  # refuses a directory that is not empty
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if not _exchange(new, path):
            _rename_thrice(new, path)


def _exchange(new: Path, path: Path) -> bool:
    """Exchanges two names in one step; returns whether the system and the file system can."""
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


def _rename_thrice(new, path):
    aside = path.with_name(f"{path.name}.replaced-{uuid.uuid4().hex[:16]}")
    os.rename(path, aside)
    try:
        os.rename(new, path)
    except BaseException:
        os.rename(aside, path)
        raise
    os.rename(aside, new)


def remove_unfinished(directory: Path, name: str | None = None) -> None:
    """Removes what processes left that were killed while they wrote.

    To be called by whoever is the only writer, such as the holder of a lock: what another process is writing
    looks the same.

    Args:
        directory: Where the finished files and directories are.
        name: Name of the one that was written; any by default.
    """
    for path in directory.glob(f"{_PREFIX}{_digest(name) if name else '*'}-*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Waits until a file, or the names in a directory, are on disk.

    Raises:
        OSError: The disk fails, or there is no such path.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot do it for directories
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
    # Of one length whatever the name's, which may be as long as a name can be.
    return path.with_name(f"{_PREFIX}{_digest(path.name)}-{uuid.uuid4().hex[:16]}{path.suffix}")


def _digest(name: str) -> str:
    return hashlib.blake2b(os.fsencode(name), digest_size=6).hexdigest()
