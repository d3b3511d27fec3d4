"""Pictures of one split in a file, so that any of them can be had in any order without filling the memory."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import tensorflow as tf


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
