"""Determines the order of a split's pictures and their division into batches."""

import dataclasses

import numpy as np
import tensorflow as tf

# Size of the shuffle buffer, in pictures, for a split that is not cached.
STREAM_SHUFFLE_IMAGES = 4096


@dataclasses.dataclass(frozen=True)
class BatchOrder:
    """The order of a split's pictures and their division into batches.

    Args:
        num_images: Number of pictures in the split.
        batch_size: Number of pictures per batch.
        shuffle: Whether each epoch has a different random order.
        repeat: Whether epochs repeat endlessly.
        seed: Seed of the random order.
        first_step: Number of batches to skip at the start.
        drop_remainder: Whether to drop an incomplete last batch.
    """

    num_images: int
    batch_size: int
    shuffle: bool
    repeat: bool
    seed: int
    first_step: int
    drop_remainder: bool

    def check(self, split: str) -> None:
        """Raises `ValueError` if the settings contradict each other."""
        if self.batch_size < 1:
            raise ValueError(
                "`batch_size` must be at least 1, because a step needs a picture. "
                f"Received: batch_size={self.batch_size}. A common value is 64."
            )
        if self.batch_size > self.num_images and (self.repeat or self.drop_remainder):
            raise ValueError(
                "`batch_size` must not exceed the number of pictures, because a batch must not repeat any. "
                f"Received: batch_size={self.batch_size}, {self.num_images} pictures in the "
                f"split {split!r}. Largest allowed: {self.num_images}."
            )
        num_steps = self.num_steps()
        if self.first_step < 0 or (num_steps is not None and self.first_step > num_steps):
            last = "unlimited" if num_steps is None else str(num_steps)
            raise ValueError(
                "`first_step` must be between 0 and the number of steps, because it says how many to skip. "
                f"Received: first_step={self.first_step}, steps: {last}. Choose a value in this range."
            )

    def num_steps(self) -> int | None:
        """Returns the number of batches, or None if they are endless."""
        if self.repeat:
            return None
        extra = 0 if self.drop_remainder else self.batch_size - 1
        return (self.num_images + extra) // self.batch_size

    def make_batches(self) -> tf.data.Dataset:
        """Returns a data set of `(indices int64 [N], places float32 [N, 2])`.

        `places` are uniform in [0, 1): the relative top and left positions of patches to cut.
        """
        epochs, first_epoch, first_position = self._epochs()

        def draw_epoch(epoch):
            begin = tf.where(epoch == first_epoch, tf.constant(first_position, "int64"), 0)
            indices = tf.range(self.num_images, dtype="int64")
            order_seed, place_seed = tf.unstack(
                tf.random.split(tf.stack([tf.constant(self.seed, "int64"), epoch]), num=2)
            )
            if self.shuffle:
                indices = tf.random.experimental.stateless_shuffle(indices, order_seed)
            places = tf.random.stateless_uniform([self.num_images, 2], place_seed)
            return indices[begin:], places[begin:]

        return epochs.map(draw_epoch).rebatch(self.batch_size, drop_remainder=self.drop_remainder)

    def stream(self, elements: tf.data.Dataset) -> tf.data.Dataset:
        """Orders pictures that are read sequentially, with no more than a buffer of them in memory.

        To resume, only the skipped part of the interrupted epoch is read again.

        Args:
            elements: The split's pictures in the order of the records.

        Returns:
            Data set of single elements, from `first_step` on.
        """
        epochs, first_epoch, first_position = self._epochs()
        buffer_size = min(self.num_images, STREAM_SHUFFLE_IMAGES)

        def read_epoch(epoch):
            ordered = elements
            if self.shuffle:
                # The seed of this function's graph only: `shuffle` combines it with its own, and fails if it
                # is 0 and its own seed is a tensor.
                tf.compat.v1.set_random_seed(1)
                seed = tf.random.split(tf.stack([tf.constant(self.seed, "int64"), epoch]))[0, 0]
                ordered = elements.shuffle(buffer_size, seed=seed, reshuffle_each_iteration=False)
            return ordered.skip(tf.where(epoch == first_epoch, tf.constant(first_position, "int64"), 0))

        return epochs.flat_map(read_epoch)

    def _epochs(self) -> tuple[tf.data.Dataset, int, int]:
        """Returns the numbers of the epochs, the first of them, and the position in it to start from."""
        num_seen = self.first_step * self.batch_size
        first_epoch, first_position = divmod(num_seen, self.num_images) if self.repeat else (0, num_seen)
        last_epoch = np.iinfo("int64").max if self.repeat else 1
        return tf.data.Dataset.range(first_epoch, last_epoch), first_epoch, first_position
