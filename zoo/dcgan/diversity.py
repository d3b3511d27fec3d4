"""Measures the diversity of pictures with the same attributes."""

import tensorflow as tf


def same_kind_distance(images, conditions) -> tf.Tensor:
    """Returns the root mean square difference between pictures with the same attributes.

    Args:
        images: float tensor `[N, h, w, C]`.
        conditions: float tensor `[N, K]`; pictures with equal rows are of the same kind.

    Returns:
        float32 scalar in units of the pixels, over all pixels of all pairs of different pictures of the same
        kind; 0 where no kind has two pictures.

    Example:

    >>> images = tf.reshape([0.0, 1.0, 9.0], [3, 1, 1, 1])
    >>> float(same_kind_distance(images, tf.constant([[1.0], [1.0], [0.0]])))
    1.0
    """
    pixels = tf.cast(tf.reshape(images, [tf.shape(images)[0], -1]), "float32")
    squares = tf.reduce_sum(tf.square(pixels), axis=1)
    distances = squares[:, None] + squares[None] - 2.0 * tf.matmul(pixels, pixels, transpose_b=True)
    is_same_kind = tf.reduce_all(tf.equal(conditions[:, None], conditions[None]), axis=-1)
    pairs = tf.linalg.set_diag(tf.cast(is_same_kind, "float32"), tf.zeros([tf.shape(pixels)[0]], "float32"))
    total = tf.reduce_sum(tf.maximum(distances, 0.0) * pairs)
    num_pixels = tf.cast(tf.shape(pixels)[1], "float32")
    return tf.sqrt(tf.math.divide_no_nan(total, tf.reduce_sum(pairs) * num_pixels))
