"""Running means of what training and test steps measure, weighted by pictures."""

from collections.abc import Mapping

import keras
import tensorflow as tf

from zoo.step import replicas


@keras.saving.register_keras_serializable("zoo")
class BatchMean(keras.metrics.Mean):
    """A mean of values that are the same on every replica.

    Keras' own mean adds up the replicas whenever it is read, and all of them must then read it together.
    """

    def add_variable(self, shape, initializer, dtype=None, aggregation=None, name=None):
        with keras.name_scope(self.name):
            return keras.Variable(
                keras.initializers.get(initializer), shape, dtype, trainable=False, name=name
            )


def update_means(trackers: Mapping[str, BatchMean], values: Mapping[str, tf.Tensor], num_images):
    """Adds one batch's values and returns the means since the start of the epoch.

    Args:
        trackers: A mean for each name.
        values: Means over this replica's rows of the batch, scalars, for some of those names.
        num_images: Number of those rows, taken from the data: results are then means over pictures, whatever
            the batch sizes. A constant would also count the step that finds the end of the data.

    Returns:
        float32 scalars, keyed by the names of `values`.

    Example:

    >>> trackers = {"loss": BatchMean()}
    >>> logs = update_means(trackers, {"loss": 4.0}, num_images=3)
    >>> float(update_means(trackers, {"loss": 8.0}, num_images=1)["loss"])
    5.0
    """
    num_images = tf.cast(num_images, "float32")
    # A replica without a row of the last batch has NaN as its mean.
    totals = [tf.math.multiply_no_nan(tf.cast(value, "float32"), num_images) for value in values.values()]
    *totals, num_images = replicas.sums([*totals, num_images])
    for name, total in zip(values, totals, strict=True):
        trackers[name].update_state(tf.math.divide_no_nan(total, num_images), sample_weight=num_images)
    return {name: trackers[name].result() for name in values}


@keras.saving.register_keras_serializable("zoo")
class GradientNorm(BatchMean):
    """Mean over steps of the global norm of a loss's gradients.

    Steps with non-finite gradients do not count, as mixed_float16 skips them too.

    Example:

    >>> norm = GradientNorm()
    >>> norm.update_state([tf.constant([3.0]), None, tf.constant(4.0)], keras.optimizers.SGD())
    >>> float(norm.result())
    5.0
    """

    def __init__(self, name: str = "gradient_norm", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, gradients, optimizer):
        """Adds one step.

        Args:
            gradients: Gradients over all replicas of the loss that `optimizer.scale_loss` returned; None for
                a variable without one.
            optimizer: Keras optimizer that applies them; its loss scale is divided out.
        """
        norm = tf.linalg.global_norm([tf.cast(g, "float32") for g in gradients if g is not None])
        if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
            norm /= tf.cast(optimizer.dynamic_scale, "float32")
        is_finite = tf.math.is_finite(norm)
        super().update_state(tf.where(is_finite, norm, 0.0), sample_weight=tf.cast(is_finite, "float32"))
