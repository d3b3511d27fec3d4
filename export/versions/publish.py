"""Publishes a version directory atomically: it appears complete under its number, or not at all."""

import errno
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from export.versions.version_dirs import LARGEST_VERSION, find_versions
from zoo.files.atomic_write import sync, sync_tree
from zoo.files.file_lock import directory_lock

# An incomplete directory must not have a name that TF Serving reads as a version's.
_UNFINISHED_PREFIX = ".unfinished-"
REMOVED_PREFIX = ".removed-"

_MODEL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

# Errors of a rename when another exporter's version directory, or a file, already has the name.
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)


def publish(
    build: Callable[[Path], None], models_dir: Path | str, model_name: str, version: int | None = None
) -> Path:
    """Builds a version in a temporary directory and renames it to its number once it is complete and on disk.

    A killed process leaves a directory without a number, which the model's next exporter removes. Concurrent
    exporters get different numbers.

    Args:
        build: Writes the version's files into the given empty directory; may also check them and raise.
        models_dir: Directory of all models.
        model_name: Name of the model's directory, by which it is served.
        version: Positive integer; one above the highest existing version by default, because TF Serving
            serves the highest.

    Returns:
        The version directory, `models_dir / model_name / version`.

    Raises:
        ValueError: If `model_name` is not allowed, `version` is not allowed or exists, or `build` writes
            nothing.
        OSError: If the files cannot be written.

    Example:

    >>> import tempfile
    >>> def build(directory):
    ...     (directory / "saved_model.pb").write_bytes(b"")
    >>> publish(build, tempfile.mkdtemp(), "dcgan").name
    '1'
    """
    check_model_name(model_name)
    model_dir = Path(models_dir) / model_name
    try:
        _check_version(model_dir, version)
        with _unfinished_dir(model_dir) as unfinished:
            build(unfinished)
            if not any(unfinished.iterdir()):
                raise ValueError("`build` must write the version's files. Received: an empty directory.")
            sync_tree(unfinished)
            with directory_lock(model_dir):
                version_dir = _rename_to_version(unfinished, model_dir, version)
    except OSError as error:
        raise OSError(
            "`--models-dir` must be writable and have room for the version; nothing was published. "
            f"Received: models_dir='{models_dir}': {error}. Free some space or name another directory."
        ) from error
    sync(model_dir)
    sync(model_dir.parent)
    return version_dir


def check_model_name(model_name: str) -> None:
    """Raises `ValueError` unless `model_name` can be a directory, part of a URL and a metric's label."""
    if not _MODEL_NAME.fullmatch(model_name):
        raise ValueError(
            "`--model-name` must consist of letters, digits, '_', '-' and '.' and not begin with '-' or '.', "
            "because it becomes a directory and part of a URL. "
            f"Received: model_name={model_name!r}. Try: "
            f"{re.sub(r'[^A-Za-z0-9_.-]', '_', model_name).lstrip('.-') or 'model'}."
        )


def taken_numbers(model_dir: Path) -> list[int]:
    """Returns the numbers that TF Serving finds below a model's directory, ascending.

    Exporters must not reuse any of them, even if the entry is not a version of this project: a server would
    find two versions of the same number and might load either.
    """
    if not model_dir.is_dir():
        return []
    return sorted({number for number, _ in find_versions(model_dir, as_tf_serving_reads=True)})


def _check_version(model_dir: Path, version: int | None) -> None:
    if version is None:
        return
    if not 0 < version <= LARGEST_VERSION:
        raise ValueError(
            "`--version` must be a positive 64-bit integer, because TF Serving reads it as one. "
            f"Received: version={version}. Leave it out to get the next free one."
        )
    versions = taken_numbers(model_dir)
    if version in versions:
        raise ValueError(
            "`--version` must not exist yet, because a published version never changes. "
            f"Received: version={version}, existing: {', '.join(map(str, versions))}. "
            f"Leave it out to get {versions[-1] + 1}."
        )


@contextmanager
def _unfinished_dir(model_dir: Path) -> Iterator[Path]:
    """Creates a directory, locked while it is in use and removed in the end unless it was renamed.

    The lock tells the next exporter that the owner lives: the system frees it however the process ends,
    whereas a process id may mean another process by then, or in another container.
    """
    with ExitStack() as lock:
        unfinished = _new_locked_dir(model_dir, lock)
        try:
            yield unfinished
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
            with suppress(OSError):
                model_dir.rmdir()  # succeeds only if empty, which removes a model without versions


def _new_locked_dir(model_dir: Path, lock: ExitStack) -> Path:
    while True:
        unfinished = model_dir / f"{_UNFINISHED_PREFIX}{uuid.uuid4().hex}"
        model_dir.mkdir(parents=True, exist_ok=True)
        remove_leftovers(model_dir)
        # Another exporter may take the directory away before it is locked.
        with suppress(FileNotFoundError, _InUseError):
            unfinished.mkdir()
            lock.enter_context(directory_lock(unfinished, on_held=_leave))
            return unfinished


class _InUseError(Exception):
    pass


def _leave(holder: str) -> None:
    raise _InUseError(holder)


def remove_leftovers(model_dir: Path) -> None:
    """Removes the leftovers of killed exporters and of a killed `zoo export prune`."""
    for leftover in [*model_dir.glob(f"{_UNFINISHED_PREFIX}*"), *model_dir.glob(f"{REMOVED_PREFIX}*")]:
        # Not what is in use, taken away meanwhile, or of another user.
        with suppress(_InUseError, OSError), directory_lock(leftover, on_held=_leave):
            shutil.rmtree(leftover, ignore_errors=True)


def _rename_to_version(unfinished: Path, model_dir: Path, version: int | None) -> Path:
    while True:
        number = version or max([0, *taken_numbers(model_dir)]) + 1
        version_dir = model_dir / str(number)
        try:
            # Of two exporters with the same number the second fails, because the kernel refuses to rename
            # over a directory that is not empty, and a version's never is.
            os.rename(unfinished, version_dir)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            _check_version(model_dir, version)
        else:
            return version_dir
