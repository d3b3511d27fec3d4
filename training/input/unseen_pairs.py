"""Keeps pairs of attribute values out of training, to measure whether a model can combine what it learned."""

import zlib
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from zoo.attributes.vocabulary import Attributes


def unseen_pairs(attributes: Attributes, share: float) -> np.ndarray:
    """Chooses pairs of values of the first two attributes by a hash of their names.

    Args:
        attributes: The data set's vocabulary.
        share: Share of the pairs, in [0, 1).

    Returns:
        bool array `[values of the first attribute, values of the second]`: True for pairs to keep out; one
        column of False with a single attribute.

    Example:

    >>> unseen_pairs({"category": ("hat", "shoe"), "colour": ("red", "blue")}, 0.0).any()
    np.False_
    """
    first, *others = attributes.values()
    if not others:
        return np.zeros([len(first), 1], "bool")
    hashes = [[zlib.crc32(f"{one} {other}".encode()) for other in others[0]] for one in first]
    return np.array(hashes) < share * 2**32


def replace_unseen(
    attributes: Attributes, share: float, raw_images, attribute_ids: Mapping[str, tf.Tensor]
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Replaces rows of a batch that show unseen pairs by other rows of the batch, in turn.

    Args:
        attributes: The data set's vocabulary.
        share: As for `unseen_pairs`.
        raw_images: uint8 tensor `[N, h, w, C]`.
        attribute_ids: Columns `[N]`, those of the attributes among them; -1 where a value is unknown.

    Returns:
        The batch, of the same size. A batch of nothing but unseen pairs stays as it is.
    """
    table = tf.constant(unseen_pairs(attributes, share))
    if not share or len(attributes) < 2:
        return raw_images, dict(attribute_ids)
    first, second = (attribute_ids[name] for name in [*attributes][:2])
    pairs = tf.gather_nd(table, tf.maximum(tf.stack([first, second], axis=1), 0))
    is_unseen = pairs & (first >= 0) & (second >= 0)
    num_rows = tf.size(is_unseen)
    seen_first = tf.argsort(tf.cast(is_unseen, "int32"), stable=True)
    num_seen = tf.maximum(num_rows - tf.reduce_sum(tf.cast(is_unseen, "int32")), 1)
    rows = tf.where(is_unseen, tf.gather(seen_first, tf.range(num_rows) % num_seen), tf.range(num_rows))
    return tf.gather(raw_images, rows), {name: tf.gather(ids, rows) for name, ids in attribute_ids.items()}
