"""Converts one photo's bytes into the files of its results: what every way of running a job does."""

import errno
import stat
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

import click

from serving.client.errors import PredictionError, RowError
from serving.jobs.failures import Failure
from serving.jobs.result_names import ResultNames
from serving.jobs.signing import Signing
from serving.pictures.attribute_options import raise_if_unknown_value
from serving.pictures.source import PictureSource
from serving.pictures.task import Converted, PhotoTask
from serving.wire.status import InvalidArgument
from zoo.pictures.limits import MAX_FILE_BYTES
from zoo.pictures.photo import Photo
from zoo.pictures.photo_files import UnreadablePhotoError
from zoo.pictures.photo_writer import Writing

_DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Made(NamedTuple):
    """What was made of a photo.

    Attributes:
        files: Path below the output directory and content of each result.
        notes: What a careful user wants to know of the photo.
        converted: What the task returned.
    """

    files: Sequence[tuple[PurePath, bytes]]
    notes: Sequence[str]
    converted: Converted


def convert_photo(
    content: bytes,
    names: ResultNames,
    task: PhotoTask,
    source: PictureSource,
    writing: Writing,
    signing: Signing | None = None,
) -> Made:
    """Reads a photo, converts it and encodes the results.

    Raises:
        Exception: The photo cannot be converted; `to_failure` says why.
    """
    photo = Photo.read(content)
    converted = task.convert(photo, source)
    files: list[tuple[PurePath, bytes]] = []
    for result in converted.results:
        if isinstance(result.picture, bytes):
            files.append((names.place_of(result.ending, "png"), result.picture))
        else:
            file_format = writing.format_of(result.picture)
            file = writing.write(result.picture)
            if signing is not None:
                file = signing.sign(file, file_format, content, names.photo.place.name)
            files.append((names.place_of(result.ending, file_format), file))
    return Made(files, photo.notes, converted)


def to_failure(photo: Path, error: Exception) -> Failure:
    """Returns why a photo could not be converted; raises what concerns other photos too.

    Raises:
        click.UsageError: The model does not know a value of the command line.
        click.ClickException: The disk is full.
        Exception: `error`, if it is none of the photo's.
    """
    if isinstance(error, RowError):
        raise_if_unknown_value(error)
        return Failure(photo, next(iter(error.errors.values())))
    # Damage that only a decoder finds is the photo's fault; anything else is the server's.
    if isinstance(error, PredictionError) and error.http_status == InvalidArgument.http_status:
        return Failure(photo, error.message)
    if isinstance(error, UnreadablePhotoError):
        return Failure(photo, error.reason, error.detail)
    if isinstance(error, MemoryError):
        return Failure(photo, "not enough memory for a photo of this size")
    if isinstance(error, OSError) and not isinstance(error, ConnectionError):
        if error.errno in _DISK_IS_FULL:
            raise click.ClickException(
                f"Results must fit on the disk. Received: {error.strerror}, at {photo.name}. Make room and "
                "add --resume."
            ) from error
        return Failure(photo, error.strerror or str(error))
    raise error


def read_file(path: Path) -> bytes:
    """Reads a photo's file.

    Raises:
        UnreadablePhotoError: It is no file, or too large.
        OSError: It cannot be read.
    """
    try:
        status = path.stat()
    except FileNotFoundError as error:
        reason = "a link that leads nowhere" if path.is_symlink() else "missing"
        raise UnreadablePhotoError(reason) from error
    if not stat.S_ISREG(status.st_mode):  # opening a named pipe would wait for ever
        raise UnreadablePhotoError("not an image", "it is no file")
    check_size(status.st_size)
    return path.read_bytes()


def check_size(num_bytes: int) -> None:
    """Raises `UnreadablePhotoError` if a file is too large to be read."""
    if num_bytes > MAX_FILE_BYTES:
        received = f"{num_bytes >> 20} MiB, at most {MAX_FILE_BYTES >> 20}"
        raise UnreadablePhotoError("file too large", received)
