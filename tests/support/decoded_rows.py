"""Decodes one picture file as an exported model does: as a batch of one row."""

import tensorflow as tf

from export.images.image_bytes import encode_png_row, map_image_rows


def decode_row(image_bytes: tf.Tensor, channels: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the image, uint8 `[h, w, channels]`, and its error; of a bad file one black pixel."""
    rows = image_bytes[tf.newaxis]
    pngs, errors = map_image_rows(rows, channels, encode_png_row, tf.TensorSpec([], tf.string))
    raw_image = tf.cond(
        errors[0] == "",
        lambda: tf.io.decode_png(pngs[0], channels),
        lambda: tf.zeros([1, 1, channels], tf.uint8),
    )
    return raw_image, errors[0]
