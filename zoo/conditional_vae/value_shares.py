"""How often each value of the attributes is seen, and logits that rare values cost nothing.

Source:
    [Adjustment] Menon et al. 2021, arXiv 2007.07314, section 4.2: logits plus the log of the class prior.
"""

from collections.abc import Mapping

import keras
import tensorflow as tf

from zoo.attributes.vocabulary import Attributes, num_conditions, one_hot_conditions
from zoo.step import replicas

# Of a value that is hardly ever seen: its logit is not raised without end.
SMALLEST_SHARE = 1e-3


@keras.saving.register_keras_serializable("zoo")
class ValueShares(keras.layers.Layer):
    """Counts values in a moving average, and adds the log of their shares to logits in training.

    What is trained on the sum gives, without it, logits as if all values were equally frequent [Adjustment].

    Args:
        attributes: The values that each attribute can have.

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
        """Counts the values of a batch.

        Args:
            attribute_ids: For each attribute an integer tensor `[N]`; -1 where it is unknown: not counted.
            momentum: Share of the average that stays, range [0, 1].
        """
        shares = []
        for name, values in self.attributes.items():
            counts = replicas.mean(tf.reduce_sum(one_hot_conditions({name: values}, attribute_ids), axis=0))
            shares.append(tf.math.divide_no_nan(counts, tf.reduce_sum(counts)))
        # A batch in which nothing is known of an attribute says nothing about it.
        seen = tf.concat(shares, axis=0)
        is_counted = tf.concat([tf.fill(tf.shape(share), tf.reduce_sum(share)) for share in shares], axis=0)
        average = momentum * self.shares + (1.0 - momentum) * seen
        self.shares.assign(tf.where(is_counted > 0, average, self.shares))

    def get_config(self):
        return {**super().get_config(), "attributes": self.attributes}
