"""Loss and accuracy of predicted attributes.

Sources:
    [Smoothing] Szegedy et al. 2016, arXiv 1512.00567, section 7: smoothed labels.
"""

from collections.abc import Mapping

import tensorflow as tf

from zoo.attributes.vocabulary import Attributes, split_conditions
from zoo.step import replicas


def attribute_loss(
    attributes: Attributes, logits, attribute_ids: Mapping[str, tf.Tensor], label_smoothing: float = 0.0
) -> tuple[tf.Tensor, dict[str, tuple[tf.Tensor, tf.Tensor]]]:
    """Compares logits with the known attributes of a batch.

    Args:
        attributes: The vocabulary.
        logits: float32 tensor `[N, num_conditions]`.
        attribute_ids: For each attribute an integer tensor `[N]`; rows of -1, unknown, are ignored.
        label_smoothing: As for `smoothed_cross_entropy`.

    Returns:
        The mean cross-entropies summed over the attributes, in nats; and for each attribute the number of
        correct predictions and of known values, float32 scalars.

    Example:

    >>> loss, hits = attribute_loss({"size": ("s", "m")}, tf.zeros([2, 2]), {"size": tf.constant([0, -1])})
    >>> round(float(loss), 4), [int(number) for number in hits["size"]]
    (0.6931, [1, 1])
    """
    losses, hits = [], {}
    for name, values in split_conditions(attributes, logits).items():
        ids = tf.cast(attribute_ids[name], "int32")
        # An unknown attribute teaches nothing.
        is_known = tf.cast(ids >= 0, "float32")
        loss = smoothed_cross_entropy(tf.maximum(ids, 0), values, label_smoothing)
        num_known = replicas.mean(tf.reduce_sum(is_known))
        losses.append(tf.math.divide_no_nan(tf.reduce_sum(loss * is_known), num_known))
        is_hit = tf.cast(tf.argmax(values, axis=-1, output_type="int32") == ids, "float32")
        hits[name] = tf.reduce_sum(is_hit), tf.reduce_sum(is_known)
    return tf.add_n(losses), hits


def smoothed_cross_entropy(ids, logits, label_smoothing: float) -> tf.Tensor:
    """Returns the cross-entropy against smoothed labels [Smoothing] section 7, in nats.

    Args:
        ids: Integer tensor `[N]` of class ids from 0.
        logits: float32 tensor `[N, K]`.
        label_smoothing: Share of each label that is spread over all K classes.

    Returns:
        float32 tensor `[N]`.

    Example:

    >>> round(float(smoothed_cross_entropy([0], tf.zeros([1, 2]), 0.1)[0]), 4)
    0.6931
    """
    num_classes = logits.shape[-1]
    labels = (1.0 - label_smoothing) * tf.one_hot(ids, num_classes) + label_smoothing / num_classes
    return tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)
