"""Mean absolute error."""

import tensorflow as tf


def mean_absolute_error(raw_images, other_raw_images, border: int = 0) -> tf.Tensor:
    """Returns the mean absolute difference of each pair of pictures.

    Args:
        raw_images: Tensor `[N, h, w, C]` on the scale [0, 255].
        other_raw_images: Tensor of the same shape and scale.
        border: Pixels to leave out on every side.

    Returns:
        float32 tensor `[N]` in grey levels of [0, 255].

    Example:

    >>> mean_absolute_error(tf.zeros([1, 4, 4, 1]), tf.fill([1, 4, 4, 1], 25.5)).numpy().tolist()
    [25.5]
    """
    difference = tf.cast(raw_images, "float32") - tf.cast(other_raw_images, "float32")
    if border:
        difference = difference[:, border:-border, border:-border]
    return tf.reduce_mean(tf.abs(difference), axis=(1, 2, 3))
