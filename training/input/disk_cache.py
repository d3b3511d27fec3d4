"""Decoded pictures of a split on disk, written whole or not at all.

They can be read in any order without filling the memory.
"""

import dataclasses
import hashlib
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
    """Pictures of any sizes, one after the other in one file, with the same calls as `PictureStore`.

    Nothing of the file is kept in memory but what the operating system keeps by itself.

    Args:
        path: The file.
        offsets: int64 array `[num_images]`: where each picture begins.
        heights: int64 array `[num_images]`, in pixels.
        widths: int64 array `[num_images]`, in pixels.
        channels: Channels of every picture.

    Raises:
        OSError: The file cannot be opened.
    """

    path: Path
    offsets: np.ndarray
    heights: np.ndarray
    widths: np.ndarray
    channels: int

    def __post_init__(self):
        # Open as long as this object: a data set that is replaced meanwhile keeps its pictures.
        file = open(self.path, "rb", buffering=0)  # noqa: SIM115
        object.__setattr__(self, "_file", file)

    def take(self, indices, height: int, width: int) -> tf.Tensor:
        """Returns whole pictures, uint8 `[N, height, width, channels]`, where all have that size."""

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
        # The rows lie one after the other: one read is cheaper than one for each row.
        strip = np.empty([rows.max() + 1 - first_row, self.widths[number], self.channels], np.uint8)
        row_bytes = self.widths[number] * self.channels
        self._read_into(strip, self.offsets[number] + first_row * row_bytes)
        return strip[rows - first_row][:, columns]

    def _read_into(self, array: np.ndarray, offset: int) -> None:
        num_read = os.preadv(self._file.fileno(), [array], offset)
        if num_read != array.nbytes:
            raise OSError(
                f"The cache must stay whole while it is read. Received: {self.path}, which ends early. "
                "Delete it: it is made again."
            )


def _reflect(positions: np.ndarray, side: int) -> np.ndarray:
    """Continues a picture by its reflection: 0 1 2 2 1 0 0 1 2 for a side of 3."""
    positions = positions % (2 * side)
    return np.minimum(positions, 2 * side - 1 - positions)


def open_disk_cache(
    elements: tf.data.Dataset,
    num_images: int,
    cache_dir: Path,
    content: Mapping[str, Any],
    description: str,
) -> tuple[dict[str, PictureFile], dict[str, np.ndarray]]:
    """Opens the cache of a split, and writes it first if need be.

    It is written under another name and renamed when it is complete, so that nothing opens half a cache;
    what a process that was killed left behind is removed by the next one. Of two processes that want the
    same cache the second waits for the first.

    Args:
        elements: Data set of `num_images` dicts: pictures, uint8 `[h, w, c]`, and scalars.
        num_images: Number of its elements.
        cache_dir: Directory of caches; created if need be.
        content: What decides on the pixels, ready for JSON: other content gets another cache.
        description: What the progress bar says; it appears after two seconds.

    Returns:
        The pictures by key, and the scalars by key, arrays `[num_images]`.

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
            "The directory of cached pictures must be writable and have room. "
            f"Received: {cache_dir} ({error.strerror or error}). Free some space, or choose `--cache memory` "
            "or `--cache none`."
        ) from error
    return opened


def _open(directory: Path, num_images: int):
    """Returns pictures and scalars, or None where there is no whole cache."""
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
    # Only the holder of the lock is here: what lies around is of a process that was killed.
    remove_unfinished(directory.parent)
    shutil.rmtree(directory, ignore_errors=True)  # damaged
    with atomic_directory(directory) as unfinished_dir:
        index = _write_pictures(elements, num_images, unfinished_dir, description)
        np.savez(unfinished_dir / _INDEX, **index)


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
