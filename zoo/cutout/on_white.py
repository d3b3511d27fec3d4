"""Centres a cut-out product on white, inside the graph, as `zoo/pictures/grounds.py` does for files."""

import tensorflow as tf

from zoo.pictures import pixels
from zoo.pictures.grounds import MARKET_FILL, OUTLINE
from zoo.pictures.resize import bicubic

WHITE = 255


def place_on_white(raw_colours, opacity, size: int) -> tf.Tensor:
    """Returns a product centred in a white square, of which it fills 85 %.

    Args:
        raw_colours: uint8 tensor `[h, w, 3]`: the product's colours.
        opacity: float32 tensor `[h, w, 1]`, range [0, 1].
        size: Side of the square in pixels.

    Returns:
        uint8 tensor `[size, size, 3]`; without a product, the whole photo counts as one.

    Example:

    >>> opacity = tf.pad(tf.ones([20, 10, 1]), [[5, 15], [0, 30], [0, 0]])
    >>> on_white = place_on_white(tf.zeros([40, 40, 3], "uint8"), opacity, 20)
    >>> (on_white[:, :, 0].numpy() < 128).sum(axis=0).tolist()
    [0, 0, 0, 0, 0, 0, 16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0]
    """
    inside = opacity[..., 0] >= OUTLINE
    top, bottom = _first_and_last(tf.reduce_any(inside, axis=1))
    left, right = _first_and_last(tf.reduce_any(inside, axis=0))
    longer = tf.cast(tf.maximum(bottom - top, right - left), "float32")
    side = tf.cast(tf.math.ceil(longer / MARKET_FILL), "int32")
    begin = tf.stack([(top + bottom - side) // 2, (left + right - side) // 2])
    end = begin + side
    shape = tf.shape(opacity)[:2]
    shown_begin, shown_end = tf.maximum(begin, 0), tf.minimum(end, shape)
    window = slice(shown_begin[0], shown_end[0]), slice(shown_begin[1], shown_end[1])
    colours, alpha = tf.cast(raw_colours[window], "float32"), opacity[window]
    shown = WHITE + alpha * (colours - WHITE)
    margins = tf.concat([tf.stack([shown_begin - begin, end - shown_end], axis=1), [[0, 0]]], axis=0)
    square = tf.pad(shown, margins, constant_values=WHITE)
    return tf.ensure_shape(pixels.round_to_uint8(bicubic(square, size, size)), [size, size, 3])


def _first_and_last(is_product):
    """Returns the first position that is product, and the one after the last."""
    length = tf.size(is_product)
    places = tf.cast(tf.where(is_product)[:, 0], "int32")
    is_found = tf.size(places) > 0
    return (
        tf.where(is_found, tf.reduce_min(tf.concat([places, [length]], 0)), 0),
        tf.where(is_found, tf.reduce_max(tf.concat([places, [-1]], 0)) + 1, length),
    )
