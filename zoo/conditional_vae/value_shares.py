"""Logit adjustment for unbalanced attributes, from a moving average of their values' frequencies.

Source:
    [Adjustment] Menon et al. 2021, arXiv 2007.07314, section 4.2: logits plus the log of the class prior.
"""

from collections.abc import Mapping

import keras
import tensorflow as tf

from zoo.attributes.vocabulary import Attributes, num_conditions, one_hot_conditions
from zoo.step import replicas

# Lower bound of a share, which limits the adjustment of values that are hardly ever seen.
SMALLEST_SHARE = 1e-3


@keras.saving.register_keras_serializable("zoo")
class ValueShares(keras.layers.Layer):
    """Tracks how frequent each attribute value is, and adds the log of these shares to logits.

    A network trained on adjusted logits returns, without the adjustment, logits as if all values were equally
    frequent [Adjustment].

    Args:
        attributes: Each attribute's possible values.

    Call arguments:
        logits: float32 tensor `[N, num_conditions]`.

    Returns:
        float32 tensor `[N, num_conditions]`.

    Example:

    >>> shares = ValueShares({"size": ("S", "L")})
    >>> shares.update({"size": tf.constant([0, 0, 0, 1])}, momentum=0.0)
    >>> [round(float(value), 2) for value in shares(tf.zeros([1, 2]))[0]]
    [-0.29, -1.39]
    """

    def __init__(self, attributes: Attributes, name: str = "value_shares", **kwargs):
        super().__init__(name=name, trainable=False, dtype="float32", **kwargs)
        self.attributes = attributes
        sizes = [len(values) for values in attributes.values()]
        uniform = [1.0 / size for size in sizes for _ in range(size)]
        self.shares = self.add_weight(
            name="shares",
            shape=(num_conditions(attributes),),
            initializer=lambda shape, dtype: tf.constant(uniform, dtype, shape),
            trainable=False,
        )
        self.built = True

    def call(self, logits):
        return logits + tf.math.log(tf.maximum(self.shares, SMALLEST_SHARE))

    def update(self, attribute_ids: Mapping[str, tf.Tensor], momentum) -> None:
        """Updates the shares with a batch.

        Args:
            attribute_ids: For each attribute an integer tensor `[N]`; rows of -1, unknown, are not counted.
            momentum: Share of the previous average that is kept, range [0, 1].
        """
        shares = []
        for name, values in self.attributes.items():
            counts = replicas.mean(tf.reduce_sum(one_hot_conditions({name: values}, attribute_ids), axis=0))
            shares.append(tf.math.divide_no_nan(counts, tf.reduce_sum(counts)))
        # A batch without a known value of an attribute leaves that attribute's shares unchanged.
        seen = tf.concat(shares, axis=0)
        is_counted = tf.concat([tf.fill(tf.shape(share), tf.reduce_sum(share)) for share in shares], axis=0)
        average = momentum * self.shares + (1.0 - momentum) * seen
        self.shares.assign(tf.where(is_counted > 0, average, self.shares))

    def get_config(self):
        return {**super().get_config(), "attributes": self.attributes}
