"""Drops small islands beside the product: specks of ground that a mask contains by mistake.

Sources:
    [Reconstruction] Vincent 1993, "Morphological Grayscale Reconstruction in Image Analysis": an opening that
        keeps whole what it touches, here straps and laces that hang on something wide.
"""

import tensorflow as tf

# Probability from which a pixel may belong to an island.
FAINT = 0.15
# An island stays if a square of this share of the picture's side fits into it.
WIDTH_SHARE = 0.027
# Pixels around an island that go with it: its fading edge.
MARGIN = 3


def drop_islands(probabilities) -> tf.Tensor:
    """Sets the probabilities of narrow parts to 0 that no wide part touches.

    Args:
        probabilities: float32 tensor `[N, S, S, 1]`: of each pixel to be product.

    Returns:
        float32 tensor of the same shape. Masks of narrow parts alone, such as a necklace's, stay as they are.

    Example:

    >>> wide_and_speck = tf.pad(tf.ones([1, 20, 20, 1]), [[0, 0], [4, 76], [4, 76], [0, 0]])
    >>> wide_and_speck += tf.pad(tf.ones([1, 1, 5, 1]), [[0, 0], [90, 9], [80, 15], [0, 0]])
    >>> [float(tf.reduce_sum(masks)) for masks in (wide_and_speck, drop_islands(wide_and_speck))]
    [405.0, 400.0]
    """
    inside = tf.cast(probabilities > FAINT, "float32")
    width = 2 * max(1, round(WIDTH_SHARE * probabilities.shape[1] / 2)) + 1
    seeds = 1.0 - _dilate(1.0 - inside, width)
    grown, _ = tf.while_loop(
        lambda grown, is_done: tf.logical_not(is_done),
        _grow(inside),
        (seeds, tf.constant(False)),
        # A path through a picture may be long, but not without end.
        maximum_iterations=4 * probabilities.shape[1],
    )
    has_wide = tf.reduce_max(seeds, axis=[1, 2, 3], keepdims=True) > 0.0
    islands = tf.where(has_wide, inside - grown, 0.0)
    gone = _dilate(islands, 2 * MARGIN + 1) * (1.0 - grown)
    return probabilities * (1.0 - gone)


def _grow(inside):
    def grow(grown, is_done):
        larger = _dilate(grown, 3) * inside
        return larger, tf.reduce_all(larger == grown)

    return grow


def _dilate(masks, width: int):
    return tf.nn.max_pool2d(masks, width, 1, "SAME")
