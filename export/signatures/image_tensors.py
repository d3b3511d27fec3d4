"""Checks and examples for image tensors, which signatures take instead of PNG or JPEG files."""

import numpy as np
import tensorflow as tf

from zoo.pictures.limits import MAX_PIXELS


def check_picture_size(raw_images: tf.Tensor) -> tf.Tensor:
    """Fails the request with INVALID_ARGUMENT unless its images have 1 to `MAX_PIXELS` pixels.

    Args:
        raw_images: uint8 tensor `[N, h, w, C]`.

    Returns:
        The same tensor.

    Raises:
        tf.errors.InvalidArgumentError: When the graph runs: h or w is 0, or h times w exceeds `MAX_PIXELS`.
    """
    shape = tf.shape(raw_images, out_type=tf.int64)
    num_pixels = shape[1] * shape[2]
    message = f"Images must have 1 to {MAX_PIXELS} pixels. Received, for N, height, width and channels:"
    is_allowed = (num_pixels > 0) & (num_pixels <= MAX_PIXELS)
    with tf.control_dependencies([tf.debugging.Assert(is_allowed, [message, shape], summarize=4)]):
        return tf.identity(raw_images)


def example_pictures(num_rows: int, height: int, width: int, channels: int) -> np.ndarray:
    """Returns smooth images, uint8 `[num_rows, height, width, channels]`, all different."""
    y, x = np.mgrid[:height, :width]
    phases = np.arange(num_rows * channels).reshape(num_rows, 1, 1, channels)
    waves = np.sin(0.35 * x[..., None] + phases) * np.cos(0.25 * y[..., None] - phases)
    return np.round(127.5 + 127.5 * waves).astype("uint8")
