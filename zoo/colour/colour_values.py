"""Turns the colours that people write, a name or `#RRGGBB`, into sRGB values, inside the graph."""

import tensorflow as tf

from zoo.colour.basic_colours import COLOURS

_HEX = "#[0-9a-fA-F]{6}"


def parse_colours(texts, names=COLOURS) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the sRGB values of colours.

    Args:
        texts: string tensor `[N]`: names, in any case, or `#RRGGBB`.
        names: sRGB values by name.

    Returns:
        uint8 tensor `[N, 3]`, and bool tensor `[N]`: whether the text is a colour; if not, its values are 0.

    Example:

    >>> values, is_colour = parse_colours(tf.constant(["#0A80ff", "Red", "reddish"]))
    >>> values.numpy().tolist(), is_colour.numpy().tolist()
    ([[10, 128, 255], [201, 32, 43], [0, 0, 0]], [True, True, False])
    """
    texts = tf.strings.lower(tf.strings.strip(texts))
    is_number = tf.strings.regex_full_match(texts, _HEX)
    digits = tf.io.decode_raw(tf.where(is_number, texts, "#000000"), "uint8", fixed_length=7)[:, 1:]
    digits = tf.cast(digits, "int32")
    digits = tf.where(digits >= ord("a"), digits - ord("a") + 10, digits - ord("0"))
    numbers = 16 * digits[:, 0::2] + digits[:, 1::2]
    matches = tf.equal(texts[:, tf.newaxis], tf.constant(list(names))[tf.newaxis])
    is_name = tf.reduce_any(matches, axis=1)
    named = tf.gather(tf.constant(list(names.values())), tf.argmax(tf.cast(matches, "int32"), axis=1))
    values = tf.where(is_name[:, tf.newaxis], named, numbers)
    return tf.cast(values, "uint8"), is_name | is_number
