"""How long the gradients of a step are: what tells a training that explodes or stands still."""

import keras
import tensorflow as tf

from zoo.batch_means import BatchMean


@keras.saving.register_keras_serializable("zoo")
class GradientNorm(BatchMean):
    """Mean over steps of the norm that all gradients of a loss have together.

    Steps whose gradients are not finite are left out: under mixed_float16 they are skipped, too.

    Example:

    >>> norm = GradientNorm()
    >>> norm.update_state([tf.constant([3.0]), None, tf.constant(4.0)], keras.optimizers.SGD())
    >>> float(norm.result())
    5.0
    """

    def __init__(self, name: str = "gradient_norm", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, gradients, optimizer):
        """Counts one step.

        Args:
            gradients: Gradients, from all replicas, of the loss that `optimizer.scale_loss` gave; None where
                there is none.
            optimizer: Keras optimizer that they are for; its loss scale is taken out.
        """
        norm = tf.linalg.global_norm([tf.cast(g, "float32") for g in gradients if g is not None])
        if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
            norm /= tf.cast(optimizer.dynamic_scale, "float32")
        is_finite = tf.math.is_finite(norm)
        super().update_state(tf.where(is_finite, norm, 0.0), sample_weight=tf.cast(is_finite, "float32"))
