"""Keeps a split's pictures in memory, for access in any order."""

import dataclasses

import numpy as np
import tensorflow as tf
from tqdm import tqdm

_READ_BATCH_IMAGES = 256


def read_all(
    elements: tf.data.Dataset, num_images: int, description: str
) -> dict[str, np.ndarray | list[np.ndarray]]:
    """Reads a data set of single elements into memory.

    Args:
        elements: Data set of `num_images` dicts of tensors.
        num_images: Number of elements.
        description: Text of the progress bar, which appears after two seconds.

    Returns:
        For each key an array `[num_images, ...]`, or a list of arrays if shapes vary.

    Example:

    >>> elements = tf.data.Dataset.from_tensors({"image": tf.zeros([2, 2, 1], "uint8"), "category": 3})
    >>> read_all(elements, 1, "Reading")["image"].shape
    (1, 2, 2, 1)
    """
    specs = elements.element_spec
    shapes_are_equal = all(spec.shape.is_fully_defined() for spec in specs.values())
    filled: dict[str, np.ndarray] = {}
    collected: dict[str, list[np.ndarray]] = {}
    if shapes_are_equal:
        # Filled in place: concatenation would need twice the memory.
        filled = {
            key: np.empty([num_images, *spec.shape], spec.dtype.as_numpy_dtype) for key, spec in specs.items()
        }
        elements = elements.batch(_READ_BATCH_IMAGES)
    else:
        collected = {key: [] for key in specs}
    num_read = 0
    with tqdm(
        total=num_images, desc=description, unit=" images", delay=2, leave=False, disable=None
    ) as progress:
        for batch in elements.prefetch(tf.data.AUTOTUNE).as_numpy_iterator():
            num_new = len(next(iter(batch.values()))) if shapes_are_equal else 1
            for key, array in filled.items():
                array[num_read : num_read + num_new] = batch[key]
            for key, values in collected.items():
                values.append(batch[key])
            num_read += num_new
            progress.update(num_new)
    return {**filled, **collected}


@dataclasses.dataclass(frozen=True)
class PictureStore:
    """Pictures of any sizes, packed into one tensor.

    Args:
        pixels: uint8 tensor `[total bytes]`.
        offsets: int64 tensor `[num_images]`: byte offset of each picture.
        heights: int64 tensor `[num_images]`, in pixels.
        widths: int64 tensor `[num_images]`, in pixels.
        channels: Number of channels of every picture.

    Example:

    >>> store = PictureStore.from_pictures([np.arange(6, dtype="uint8").reshape(2, 3, 1)])
    >>> store.cut([0], [1], [1], height=1, width=2).numpy().ravel().tolist()
    [4, 5]
    """

    pixels: tf.Tensor
    offsets: tf.Tensor
    heights: tf.Tensor
    widths: tf.Tensor
    channels: int

    @classmethod
    def from_pictures(cls, pictures: np.ndarray | list[np.ndarray]) -> "PictureStore":
        """Packs uint8 arrays `[h, w, c]`, or one array `[N, h, w, c]`."""
        sizes = [picture.size for picture in pictures]
        if isinstance(pictures, np.ndarray):
            pixels = pictures.reshape(-1)
        else:
            pixels = np.concatenate([picture.ravel() for picture in pictures])
        with tf.device("CPU"):
            return cls(
                pixels=tf.constant(pixels),
                offsets=tf.constant(np.cumsum([0, *sizes[:-1]]), "int64"),
                heights=tf.constant([picture.shape[0] for picture in pictures], "int64"),
                widths=tf.constant([picture.shape[1] for picture in pictures], "int64"),
                channels=pictures[0].shape[-1],
            )

    def take(self, indices, height: int, width: int) -> tf.Tensor:
        """Returns whole pictures, uint8 `[N, height, width, channels]`, all of which have this size."""
        return tf.gather(tf.reshape(self.pixels, [-1, height, width, self.channels]), indices)

    def cut(self, indices, tops, lefts, height: int, width: int, margin: int = 0) -> tf.Tensor:
        """Cuts one window out of each of several pictures.

        Args:
            indices: Integer tensor `[N]`: indices of the pictures.
            tops: int64 tensor `[N]`: first row of each window.
            lefts: int64 tensor `[N]`: first column of each window.
            height: Height of the windows in pixels.
            width: Width of the windows in pixels.
            margin: Width in pixels of an additional margin around each window. Pictures are extended by
                reflection.

        Returns:
            uint8 tensor `[N, height + 2 * margin, width + 2 * margin, channels]`.
        """
        heights, widths = (tf.gather(sides, indices) for sides in (self.heights, self.widths))
        rows = window_positions(tops, height, margin, heights)[:, :, tf.newaxis]
        columns = window_positions(lefts, width, margin, widths)[:, tf.newaxis, :]
        offsets = tf.gather(self.offsets, indices)[:, tf.newaxis, tf.newaxis]
        first_bytes = offsets + self.channels * (rows * widths[:, tf.newaxis, tf.newaxis] + columns)
        positions = first_bytes[..., tf.newaxis] + tf.range(self.channels, dtype="int64")
        return tf.gather(self.pixels, positions)


def window_positions(firsts, length: int, margin: int, sides: tf.Tensor) -> tf.Tensor:
    """Returns the rows (or columns) of windows.

    Args:
        firsts: int64 tensor `[N]`: first row (or column) of each window, margin excluded.
        length: Height (or width) of the windows in pixels.
        margin: Width in pixels of an additional margin on both sides.
        sides: int64 tensor `[N]`: height (or width) of the pictures.

    Returns:
        int64 tensor `[N, length + 2 * margin]`; pictures are extended by reflection.

    Example:

    >>> window_positions([0], 2, margin=2, sides=tf.constant([3], "int64")).numpy().tolist()
    [[1, 0, 0, 1, 2, 2]]
    """
    positions = tf.cast(firsts, "int64")[:, tf.newaxis] + tf.range(-margin, length + margin, dtype="int64")
    sides = sides[:, tf.newaxis]
    positions = tf.math.floormod(positions, 2 * sides)
    return tf.minimum(positions, 2 * sides - 1 - positions)
