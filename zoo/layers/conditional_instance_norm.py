"""Instance normalisation with a gain and a shift per style.

Sources:
    [InstanceNorm] Ulyanov et al. 2016, arXiv 1607.08022.
    [Conditional] Dumoulin et al. 2016, "A Learned Representation For Artistic Style", arXiv 1610.07629: one
    network for many styles, which differ in these gains and shifts alone, and can be mixed.
"""

import keras
import tensorflow as tf

from zoo.hyperparameters import Count

_EPSILON = 1e-3


@keras.saving.register_keras_serializable("zoo")
class ConditionalInstanceNorm(keras.layers.Layer):
    """Normalises each channel of each picture, then applies the gain and the shift of a mixture of styles.

    Args:
        num_styles: Number S of styles.

    Call arguments:
        features: Float tensor `[N, h, w, C]`.
        mixtures: float32 tensor `[N, S]`, the share of each style.
        moments: Mean and variance to normalise by, float32 `[N or 1, 1, 1, C]`; the features' own by default.
        are_windows: Whether the N pictures are windows of the same one, and have mean and variance in common.

    Returns:
        Float tensor `[N, h, w, C]`; and the mean and the variance that were used.

    Example:

    >>> layer = ConditionalInstanceNorm(num_styles=2)
    >>> outputs, (mean, _) = layer(tf.constant([[[[1.0], [3.0]]]]), tf.constant([[0.5, 0.5]]))
    >>> outputs.numpy().round(2).ravel().tolist(), mean.numpy().ravel().tolist()
    ([-1.0, 1.0], [2.0])
    """

    def __init__(self, num_styles: Count, **kwargs):
        super().__init__(**kwargs)
        self.num_styles = num_styles

    def build(self, features_shape, *_):
        shape = (self.num_styles, features_shape[-1])
        self.gains = self.add_weight(shape=shape, initializer="ones", name="gains")
        self.shifts = self.add_weight(shape=shape, initializer="zeros", name="shifts")

    def call(self, features, mixtures, moments=None, are_windows=False):
        values = tf.cast(features, "float32")
        axes = [0, 1, 2] if are_windows else [1, 2]
        mean, variance = moments if moments is not None else tf.nn.moments(values, axes, keepdims=True)
        mixtures = tf.cast(mixtures, "float32")
        gains, shifts = (
            tf.matmul(mixtures, tf.cast(weights, "float32"))[:, tf.newaxis, tf.newaxis]
            for weights in (self.gains, self.shifts)
        )
        # One multiplication and one addition per value.
        factors = gains * tf.math.rsqrt(variance + _EPSILON)
        normal = values * factors + (shifts - mean * factors)
        return tf.cast(normal, self.compute_dtype), (mean, variance)

    def get_config(self):
        return {**super().get_config(), "num_styles": self.num_styles}
