"""Caches a split's decoded pictures on disk, for reading in any order without filling the memory.

A cache is written completely or not at all.
"""

import dataclasses
import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from zoo.files.atomic_write import atomic_directory, remove_unfinished
from zoo.files.file_lock import file_lock

_FORMAT = 1
_INDEX = "index.npz"


@dataclasses.dataclass(frozen=True)
class PictureFile:
    """Pictures of any sizes in one file, with the same interface as `PictureStore`.

    The file is not kept in memory, except in the operating system's cache.

    Args:
        path: The file.
        offsets: int64 array `[num_images]`: byte offset of each picture.
        heights: int64 array `[num_images]`, in pixels.
        widths: int64 array `[num_images]`, in pixels.
        channels: Number of channels of every picture.

    Raises:
        OSError: The file cannot be opened.
    """

    path: Path
    offsets: np.ndarray
    heights: np.ndarray
    widths: np.ndarray
    channels: int
    _file: io.FileIO = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self):
        # Kept open as long as this object, which preserves the pictures if the data set is replaced
        # meanwhile.
        file = open(self.path, "rb", buffering=0)  # noqa: SIM115
        object.__setattr__(self, "_file", file)

    def take(self, indices, height: int, width: int) -> tf.Tensor:
        """Returns whole pictures, uint8 `[N, height, width, channels]`, all of which have this size."""

        def read(numbers):
            images = np.empty([len(numbers), height, width, self.channels], np.uint8)
            for image, number in zip(images, numbers, strict=True):
                self._read_into(image, self.offsets[number])
            return images

        images = tf.numpy_function(read, [indices], "uint8")
        return tf.ensure_shape(images, [None, height, width, self.channels])

    def cut(self, indices, tops, lefts, height: int, width: int, margin: int = 0) -> tf.Tensor:
        """Cuts one window out of each of several pictures, as `PictureStore.cut` does."""

        def read(numbers, tops, lefts):
            places = zip(numbers, tops, lefts, strict=True)
            return np.stack([self._read_window(*place, height, width, margin) for place in places])

        images = tf.numpy_function(read, [indices, tops, lefts], "uint8")
        return tf.ensure_shape(images, [None, height + 2 * margin, width + 2 * margin, self.channels])

    def _read_window(self, number, top, left, height: int, width: int, margin: int) -> np.ndarray:
        rows = _reflect(np.arange(top - margin, top + height + margin), self.heights[number])
        columns = _reflect(np.arange(left - margin, left + width + margin), self.widths[number])
        first_row = rows.min()
        # Rows are contiguous: a single read is cheaper than one per row.
        strip = np.empty([rows.max() + 1 - first_row, self.widths[number], self.channels], np.uint8)
        row_bytes = self.widths[number] * self.channels
        self._read_into(strip, self.offsets[number] + first_row * row_bytes)
        return strip[rows - first_row][:, columns]

    def _read_into(self, array: np.ndarray, offset: int) -> None:
        num_read = os.preadv(self._file.fileno(), [array.data], offset)
        if num_read != array.nbytes:
            raise OSError(
                f"A cache must stay complete while it is in use. Received: {self.path}, which ends early. "
                "Delete it; the next start writes it again."
            )


def _reflect(positions: np.ndarray, side: int) -> np.ndarray:
    """Maps positions outside a picture to its reflection: 0 1 2 2 1 0 0 1 2 for a side of 3."""
    positions = positions % (2 * side)
    return np.minimum(positions, 2 * side - 1 - positions)


def open_disk_cache(
    elements: tf.data.Dataset,
    num_images: int,
    cache_dir: Path,
    content: Mapping[str, Any],
    description: str,
) -> tuple[dict[str, PictureFile], dict[str, np.ndarray]]:
    """Opens a split's cache, and writes it first if necessary.

    The cache is written under a temporary name and renamed once it is complete: an incomplete one is never
    opened, and the next process removes what a killed one left. Of two processes that need the same cache,
    the second waits for the first.

    Args:
        elements: Data set of `num_images` dicts of pictures, uint8 `[h, w, c]`, and scalars.
        num_images: Number of elements.
        cache_dir: Directory of caches; created if necessary.
        content: Everything that determines the pixels, ready for JSON; each content has its own cache.
        description: Text of the progress bar, which appears after two seconds.

    Returns:
        The pictures by key, and the scalars by key as arrays `[num_images]`.

    Raises:
        OSError: If `cache_dir` cannot be written, or the disk is full.

    Example:

    ```python
    pictures, columns = open_disk_cache(elements, 60_000, Path("cache"), {"image_size": 64}, "Reading")
    ```
    """
    digest = hashlib.sha256(json.dumps([_FORMAT, content], sort_keys=True).encode()).hexdigest()
    directory = cache_dir / digest[:16]
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with file_lock(cache_dir / ".lock"):
            opened = _open(directory, num_images)
            if opened is None:
                _write(elements, num_images, directory, description)
                opened = _open(directory, num_images)
    except OSError as error:
        raise OSError(
            "The directory of cached pictures must be writable and have enough free space. "
            f"Received: {cache_dir} ({error.strerror or error}). Free some space, or choose `--cache memory` "
            "or `--cache none`."
        ) from error
    return opened


def _open(directory: Path, num_images: int):
    """Returns pictures and scalars, or None if there is no complete cache."""
    try:
        with np.load(directory / _INDEX) as file:
            index = dict(file)
    except (EOFError, OSError, ValueError, zipfile.BadZipFile):
        return None
    pictures, columns = {}, {}
    for name, array in index.items():
        kind, key = name.split(":", 1)
        if kind == "column":
            columns[key] = array
            continue
        heights, widths, channels = array[:, 0], array[:, 1], int(array[0, 2])
        sizes = heights * widths * channels
        path = directory / f"{key}.pixels"
        if len(array) != num_images or not path.is_file() or path.stat().st_size != sizes.sum():
            return None
        pictures[key] = PictureFile(path, np.cumsum(sizes) - sizes, heights, widths, channels)
    return pictures, columns


def _write(elements: tf.data.Dataset, num_images: int, directory: Path, description: str) -> None:
    # Only the lock's holder gets here: unfinished directories were left by killed processes.
    remove_unfinished(directory.parent)
    shutil.rmtree(directory, ignore_errors=True)  # an incomplete or damaged cache
    with atomic_directory(directory) as unfinished_dir:
        index = _write_pictures(elements, num_images, unfinished_dir, description)
        # NumPy's types take every name for that of its option.
        np.savez(unfinished_dir / _INDEX, **index)  # type: ignore[arg-type]


def _write_pictures(elements, num_images: int, directory: Path, description: str) -> dict[str, np.ndarray]:
    specs = elements.element_spec
    picture_keys = [key for key, spec in specs.items() if spec.shape.rank == 3]
    shapes = {key: np.zeros([num_images, 3], np.int64) for key in picture_keys}
    columns = {
        key: np.zeros(num_images, spec.dtype.as_numpy_dtype)
        for key, spec in specs.items()
        if key not in picture_keys
    }
    files = {key: open(directory / f"{key}.pixels", "wb") for key in picture_keys}  # noqa: SIM115
    try:
        pictures = tqdm(
            elements.prefetch(tf.data.AUTOTUNE).as_numpy_iterator(),
            desc=description,
            total=num_images,
            unit=" images",
            delay=2,
            leave=False,
            disable=None,
        )
        for number, element in enumerate(pictures):
            for key, file in files.items():
                shapes[key][number] = element[key].shape
                file.write(element[key].data)
            for key, column in columns.items():
                column[number] = element[key]
    finally:
        for file in files.values():
            file.close()
    return {
        **{f"picture:{key}": array for key, array in shapes.items()},
        **{f"column:{key}": array for key, array in columns.items()},
    }
