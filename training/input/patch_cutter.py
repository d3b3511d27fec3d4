"""Cuts patches from pictures in low and full resolution, at the same random positions."""

import dataclasses
from collections.abc import Mapping

import click
import numpy as np
import tensorflow as tf

from training.input.batch_order import BatchOrder
from training.input.memory_cache import window_positions
from training.input.picture_cache import Pictures


@dataclasses.dataclass(frozen=True)
class PatchCutter:
    """Cuts one patch from each picture, at a random position aligned with low-res pixels.

    Pictures and patches are dicts with `high_res` and optionally `low_res`.

    Args:
        height: Height of low-res patches in pixels.
        width: Width of low-res patches in pixels.
        upscale_factor: Factor between both resolutions.
        margin: Width in low-res pixels of an additional margin on every side; pictures are extended by
            reflection.
    """

    height: int
    width: int
    upscale_factor: int
    margin: int

    def cut_cached(self, pictures: Mapping[str, Pictures], order: BatchOrder) -> tf.data.Dataset:
        """Makes batches of patches from cached pictures.

        Args:
            pictures: The cached pictures by key.
            order: The order of the pictures.

        Raises:
            ValueError: If most pictures are smaller than a patch.
        """
        heights, widths = (
            tf.cast(sides, "int64") // self.upscale_factor
            for sides in (pictures["high_res"].heights, pictures["high_res"].widths)
        )
        self._check_sizes(heights.numpy(), widths.numpy())

        def cut(indices, places):
            top = _place(places[:, 0], tf.gather(heights, indices) - self.height)
            left = _place(places[:, 1], tf.gather(widths, indices) - self.width)
            return {
                key: store.cut(
                    indices,
                    top * scale,
                    left * scale,
                    self.height * scale,
                    self.width * scale,
                    self.margin * scale,
                )
                for key, store in pictures.items()
                for scale in [self._scale(key)]
            }

        return order.make_batches().map(cut, num_parallel_calls=tf.data.AUTOTUNE)

    def _check_sizes(self, heights: np.ndarray, widths: np.ndarray) -> None:
        """Warns of pictures that are smaller than a patch; refuses a patch that few pictures fill."""
        is_small = (heights < self.height) | (widths < self.width)
        size = self.height * self.upscale_factor
        if 2 * np.count_nonzero(is_small) > len(is_small):
            largest = int(np.median(np.minimum(heights, widths))) * self.upscale_factor
            raise ValueError(
                "`patch_size` must not exceed most pictures, because all patches of a batch have the same "
                f"size. Received: patch_size={size}, larger than {np.count_nonzero(is_small):,} of "
                f"{len(is_small):,} pictures. Choose a smaller one, such as {largest}, with --image-size."
            )
        if is_small.any():
            click.echo(
                f"{np.count_nonzero(is_small):,} of {len(is_small):,} pictures are smaller than a patch of "
                f"{size} pixels; they are extended by their mirror images.",
                err=True,
            )

    def stream(self, elements: tf.data.Dataset, order: BatchOrder) -> tf.data.Dataset:
        """Makes batches of patches from pictures that are read sequentially.

        Args:
            elements: The pictures in the order of the records.
            order: The order of the pictures.
        """

        def cut(position, pictures):
            places = tf.random.stateless_uniform([2], tf.stack([order.seed, position]))
            sides = tf.shape(pictures["high_res"], "int64")[:2] // self.upscale_factor
            spare = sides - tf.constant([self.height, self.width], "int64")
            place = _place(places, spare)
            return {key: self._cut_one(picture, place, self._scale(key)) for key, picture in pictures.items()}

        first_position = order.first_step * order.batch_size
        streamed = order.stream(elements).enumerate(start=first_position)
        patches = streamed.map(cut, num_parallel_calls=tf.data.AUTOTUNE)
        return patches.batch(order.batch_size, drop_remainder=order.drop_remainder)

    def without_margin(self, low_res: tf.Tensor, high_res: tf.Tensor) -> dict[str, tf.Tensor]:
        """Cuts the margins off a batch of patches."""
        return {
            key: images[
                :,
                self.margin * scale : (self.margin + self.height) * scale,
                self.margin * scale : (self.margin + self.width) * scale,
            ]
            for key, images in (("low_res", low_res), ("high_res", high_res))
            for scale in [self._scale(key)]
        }

    def _scale(self, key: str) -> int:
        return self.upscale_factor if key == "high_res" else 1

    def _cut_one(self, picture: tf.Tensor, place: tf.Tensor, scale: int) -> tf.Tensor:
        sides = tf.shape(picture, "int64")
        margin = self.margin * scale
        rows = window_positions(place[:1] * scale, self.height * scale, margin, sides[:1])[0]
        columns = window_positions(place[1:] * scale, self.width * scale, margin, sides[1:2])[0]
        return tf.gather(tf.gather(picture, rows), columns, axis=1)


def _place(places: tf.Tensor, num_spare_pixels: tf.Tensor) -> tf.Tensor:
    num_spare_pixels = tf.maximum(num_spare_pixels, 0)  # smaller pictures are extended
    first_pixels = tf.cast(places * tf.cast(num_spare_pixels + 1, places.dtype), "int64")
    return tf.minimum(first_pixels, num_spare_pixels)
