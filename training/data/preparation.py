"""Writes prepared data sets atomically, and finds them again.

A prepared data set is a directory in TFDS's format: `DATA_DIR/<name>/<version>/` with records,
`features.json` and `dataset_info.json`.
"""

import contextlib
import errno
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow as tf
import tensorflow_datasets as tfds

from zoo.files.atomic_write import replace_directory
from zoo.files.file_lock import file_lock

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def zoo_home() -> Path:
    """Returns the directory of downloaded and prepared data: `ZOO_HOME`, or the default."""
    return Path(os.environ.get("ZOO_HOME") or "~/.cache/product-image-zoo").expanduser()


def default_data_dir() -> Path:
    """Returns the default directory of prepared data sets."""
    return zoo_home() / "data"


def tfds_data_dir() -> Path:
    """Returns the directory where TFDS itself keeps data: `TFDS_DATA_DIR`, or its default."""
    return Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()


def find_prepared_versions(data_dir: str | os.PathLike, name: str) -> list[Path]:
    """Lists the complete versions of a data set, newest first.

    Args:
        data_dir: Directory of prepared data sets.
        name: Name of the data set.

    Returns:
        Directories `data_dir/<name>/<version>` with a complete data set; an empty list if there is none.

    Example:

    >>> find_prepared_versions("/nowhere", "fashion_mnist")
    []
    """
    found = []
    for path in Path(data_dir, name).glob("*.*.*"):
        # Leftovers of a killed process are called 1.0.0.incomplete... or start with a dot.
        is_version = tfds.core.Version.is_valid(path.name)
        if is_version and (path / "dataset_info.json").is_file() and (path / "features.json").is_file():
            found.append(path)
    return sorted(found, key=lambda path: tfds.core.Version(path.name), reverse=True)


def find_prepared_names(data_dir: str | os.PathLike) -> list[str]:
    """Lists the sorted names of the data sets prepared in a directory."""
    data_dir = Path(data_dir)
    names = sorted(path.name for path in data_dir.iterdir()) if data_dir.is_dir() else []
    return [name for name in names if find_prepared_versions(data_dir, name)]


def prepare(
    name: str,
    make_builder: Callable[[Path], tfds.core.GeneratorBasedBuilder],
    data_dir: str | os.PathLike,
    overwrite: bool = False,
) -> Path:
    """Prepares a data set under a temporary name and renames it once it is complete.

    A process killed meanwhile leaves only a temporary directory, which is never loaded and which the next
    call removes. Of two processes that prepare the same data set, the second waits and then uses the first
    one's result.

    Args:
        name: Name of the data set.
        make_builder: Given a data directory, returns the builder that writes there.
        data_dir: Directory of prepared data sets.
        overwrite: Whether to replace an already prepared data set, which stays in place until the new one is
            complete.

    Returns:
        The directory of the prepared data set.

    Raises:
        OSError: If the directory cannot be written, or the disk is full.

    Example:

    ```python
    version_dir = prepare("fashion_mnist", lambda data_dir: FashionMnist(data_dir=data_dir), "data")
    ```
    """
    data_dir = Path(data_dir)
    with _explained_write_errors(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
        with _lock(data_dir, name):
            # The holder of the lock is the only writer: other staging directories are leftovers of killed
            # processes.
            for stale_dir in data_dir.glob(f".preparing-{name}-*"):
                shutil.rmtree(stale_dir, ignore_errors=True)
            staging_dir = Path(tempfile.mkdtemp(prefix=f".preparing-{name}-", dir=data_dir))
            try:
                builder = make_builder(staging_dir)
                version_dir = data_dir / Path(builder.data_dir).relative_to(staging_dir)
                if overwrite or version_dir not in find_prepared_versions(data_dir, name):
                    _write(builder, download_dir=data_dir / "downloads")
                    _publish(staging_dir, version_dir)
            finally:
                shutil.rmtree(staging_dir, ignore_errors=True)
    return version_dir


def _write(builder, download_dir: Path) -> None:
    # TFDS would print the temporary directory's name; the builders show their own progress.
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(
                download_dir=download_dir,
                download_config=tfds.download.DownloadConfig(try_download_gcs=False),
            )
    finally:
        tfds.enable_progress_bar()


def _publish(staging_dir: Path, version_dir: Path) -> None:
    staged_dir = staging_dir / version_dir.parent.name / version_dir.name
    version_dir.parent.mkdir(exist_ok=True)
    replace_directory(staged_dir, version_dir)  # the replaced one is removed with the staging directory


def _lock(data_dir: Path, name: str) -> contextlib.AbstractContextManager[None]:
    def say(holder):
        sys.stderr.write(f"Waiting for another process that is preparing {name} in {data_dir} ({holder}).\n")

    return file_lock(data_dir / f".{name}.lock", on_held=say)


@contextlib.contextmanager
def _explained_write_errors(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # TFDS wraps exceptions that occur while it writes
        reason = _write_failure(error, data_dir) or _write_failure(error.__cause__, data_dir)
        if reason is None:
            raise
        raise OSError(
            "The data directory must be writable and have enough free space. "
            f"Received: data_dir={data_dir} ({reason}). "
            "Free some space, or set ZOO_HOME or `--data-dir` to another directory."
        ) from error


def _write_failure(error: BaseException | None, data_dir: Path) -> str | None:
    """Returns why the data directory could not be written, or None for an unrelated error."""
    if isinstance(error, tf.errors.ResourceExhaustedError | tf.errors.PermissionDeniedError):
        return error.message
    if not isinstance(error, OSError):
        return None
    if error.errno in _NO_ROOM:
        return error.strerror
    is_inside = error.filename is not None and (
        data_dir.is_relative_to(error.filename) or Path(error.filename).is_relative_to(data_dir)
    )
    return error.strerror if is_inside else None
