"""Means over pictures of what steps measure."""

from collections.abc import Mapping

import keras
import tensorflow as tf


def update_means(trackers: Mapping[str, keras.metrics.Mean], values: Mapping[str, tf.Tensor], num_images):
    """Counts the values of one batch, and returns the means since the epoch began.

    Args:
        trackers: A mean by each name.
        values: Means over the batch, scalars, by some of those names.
        num_images: Pictures in the batch, from the data: means over pictures come out, whatever the sizes of
            the batches. A weight that is a constant would also count the step that finds the data's end.

    Returns:
        float32 scalars by the names of `values`.

    Example:

    >>> trackers = {"loss": keras.metrics.Mean()}
    >>> logs = update_means(trackers, {"loss": 4.0}, num_images=3)
    >>> float(update_means(trackers, {"loss": 8.0}, num_images=1)["loss"])
    5.0
    """
    for name, value in values.items():
        trackers[name].update_state(value, sample_weight=num_images)
    return {name: trackers[name].result() for name in values}
