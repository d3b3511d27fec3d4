"""Cuts windows that are spread over a picture, to estimate what holds for all of it."""

import tensorflow as tf


def cut_windows(raw_image, side: int, most_per_side: int) -> tf.Tensor:
    """Cuts windows that begin and end with the picture and have even distances between them.

    Args:
        raw_image: uint8 tensor `[h, w, C]`, any h and w from 1.
        side: Side of the windows in pixels; a shorter one of the picture is kept whole.
        most_per_side: Largest number of windows in a row or a column; no more than cover the picture.

    Returns:
        uint8 tensor `[W, min(h, side), min(w, side), C]`, row by row.

    Example:

    >>> cut_windows(tf.zeros([5, 20, 3], "uint8"), side=8, most_per_side=4).shape.as_list()
    [3, 5, 8, 3]
    """
    raw_image = tf.convert_to_tensor(raw_image)
    shape, channels = tf.shape(raw_image), raw_image.shape[-1]
    sides = tf.minimum(shape[:2], side)
    counts = tf.minimum(-(-shape[:2] // side), most_per_side)
    tops, lefts = (
        tf.cast(tf.linspace(0.0, tf.cast(shape[axis] - sides[axis], "float32"), counts[axis]), "int32")
        for axis in (0, 1)
    )
    starts = tf.stack([tf.repeat(tops, counts[1]), tf.tile(lefts, [counts[0]])], axis=1)
    return tf.map_fn(
        lambda start: tf.slice(raw_image, [start[0], start[1], 0], [sides[0], sides[1], channels]),
        starts,
        fn_output_signature=tf.TensorSpec([None, None, channels], "uint8"),
    )
