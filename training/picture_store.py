"""Pictures of one split in memory, so that any of them can be had in any order."""

import dataclasses

import numpy as np
import tensorflow as tf
from tqdm import tqdm

_READ_BATCH_IMAGES = 256


def read_all(
    elements: tf.data.Dataset, num_images: int, max_bytes: int, description: str
) -> dict[str, np.ndarray | list[np.ndarray]] | None:
    """Reads a data set of single elements into memory, unless it does not fit.

    Args:
        elements: Data set of `num_images` dicts of tensors.
        num_images: Number of its elements.
        max_bytes: How much they may take.
        description: What the progress bar says; it appears after two seconds.

    Returns:
        For each key one array `[num_images, ...]`, or a list of arrays where their shapes vary. None if
        `max_bytes` do not suffice.

    Example:

    >>> elements = tf.data.Dataset.from_tensors({"image": tf.zeros([2, 2, 1], "uint8"), "category": 3})
    >>> read_all(elements, 1, 100, "Reading")["image"].shape
    (1, 2, 2, 1)
    """
    specs = elements.element_spec
    shapes_are_equal = all(spec.shape.is_fully_defined() for spec in specs.values())
    if shapes_are_equal:
        one_element = sum(spec.shape.num_elements() * spec.dtype.size for spec in specs.values())
        if one_element * num_images > max_bytes:
            return None
        # Filled in place: concatenating afterwards would take the memory twice.
        arrays = {
            key: np.empty([num_images, *spec.shape], spec.dtype.as_numpy_dtype) for key, spec in specs.items()
        }
        elements = elements.batch(_READ_BATCH_IMAGES)
    else:
        arrays = {key: [] for key in specs}
    num_bytes = num_read = 0
    with tqdm(
        total=num_images, desc=description, unit=" images", delay=2, leave=False, disable=None
    ) as progress:
        for batch in elements.prefetch(tf.data.AUTOTUNE).as_numpy_iterator():
            num_new = len(next(iter(batch.values()))) if shapes_are_equal else 1
            for key, value in batch.items():
                num_bytes += value.nbytes
                if shapes_are_equal:
                    arrays[key][num_read : num_read + num_new] = value
                else:
                    arrays[key].append(value)
            if num_bytes > max_bytes:
                return None
            num_read += num_new
            progress.update(num_new)
    return arrays


@dataclasses.dataclass(frozen=True)
class PictureStore:
    """Pictures of any sizes, one after the other in one tensor.

    Args:
        pixels: uint8 tensor `[total bytes]`.
        offsets: int64 tensor `[num_images]`: where each picture begins.
        heights: int64 tensor `[num_images]`, in pixels.
        widths: int64 tensor `[num_images]`, in pixels.
        channels: Channels of every picture.

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
    def from_pictures(cls, pictures: list[np.ndarray]) -> "PictureStore":
        """Packs uint8 arrays `[h, w, c]`."""
        sizes = [picture.size for picture in pictures]
        with tf.device("CPU"):
            return cls(
                pixels=tf.constant(np.concatenate([picture.ravel() for picture in pictures])),
                offsets=tf.constant(np.cumsum([0, *sizes[:-1]]), "int64"),
                heights=tf.constant([picture.shape[0] for picture in pictures], "int64"),
                widths=tf.constant([picture.shape[1] for picture in pictures], "int64"),
                channels=pictures[0].shape[-1],
            )

    def cut(self, indices, tops, lefts, height: int, width: int) -> tf.Tensor:
        """Cuts one window out of each of several pictures.

        Args:
            indices: Integer tensor `[N]`: which pictures.
            tops: int64 tensor `[N]`: first row of each window.
            lefts: int64 tensor `[N]`: first column of each window.
            height: Height of the windows in pixels.
            width: Width of the windows in pixels.

        Returns:
            uint8 tensor `[N, height, width, channels]`.
        """

        def spread(vector):
            return tf.reshape(tf.cast(vector, "int64"), [-1, 1, 1])

        rows = spread(tops) + tf.reshape(tf.range(height, dtype="int64"), [1, -1, 1])
        columns = spread(lefts) + tf.reshape(tf.range(width, dtype="int64"), [1, 1, -1])
        first_bytes = spread(tf.gather(self.offsets, indices)) + self.channels * (
            rows * spread(tf.gather(self.widths, indices)) + columns
        )
        positions = first_bytes[..., tf.newaxis] + tf.range(self.channels, dtype="int64")
        return tf.gather(self.pixels, positions)
