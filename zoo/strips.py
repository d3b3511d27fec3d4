"""Enlarging a picture strip by strip, so that memory does not grow with its height."""

from collections.abc import Callable

import tensorflow as tf


def upscale_in_strips(
    raw_image: tf.Tensor,
    upscale: Callable[[tf.Tensor], tf.Tensor],
    upscale_factor: int,
    halo: int,
    max_strip_pixels: int,
) -> tf.Tensor:
    """Applies `upscale` to overlapping horizontal strips and joins the results without a seam.

    Args:
        raw_image: uint8 tensor `[h, w, C]`.
        upscale: Turns uint8 `[1, h, w, C]` into uint8 `[1, s * h, s * w, C]`, of any h.
        upscale_factor: The factor s.
        halo: Rows of the input that a row of the result depends on, above and below.
        max_strip_pixels: Pixels of the result that one strip may have; a strip has at least one row of the
            input.

    Returns:
        uint8 tensor `[s * h, s * w, C]`, what `upscale` makes of the whole picture.

    Example:

    >>> double = lambda raw_images: tf.repeat(tf.repeat(raw_images, 2, axis=1), 2, axis=2)
    >>> upscale_in_strips(tf.zeros([7, 5, 3], "uint8"), double, 2, halo=1, max_strip_pixels=40).shape
    TensorShape([14, 10, 3])
    """
    height, width = tf.shape(raw_image)[0], tf.shape(raw_image)[1]
    rows = tf.maximum(max_strip_pixels // tf.maximum(width * upscale_factor**2, 1), 1)
    num_strips = (height + rows - 1) // rows

    def upscale_strip(index, strips):
        start = index * rows
        end = tf.minimum(start + rows, height)
        top = tf.maximum(start - halo, 0)
        bottom = tf.minimum(end + halo, height)
        upscaled = upscale(raw_image[tf.newaxis, top:bottom])[0]
        kept = upscaled[(start - top) * upscale_factor : (end - top) * upscale_factor]
        return index + 1, strips.write(index, kept)

    strips = tf.TensorArray(
        "uint8", size=num_strips, infer_shape=False, element_shape=[None, None, raw_image.shape[-1]]
    )
    _, strips = tf.while_loop(
        lambda index, _: index < num_strips, upscale_strip, (0, strips), parallel_iterations=1
    )
    return strips.concat()
