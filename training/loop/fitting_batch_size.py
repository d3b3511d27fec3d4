"""Finds a batch size that fits into memory after a larger one did not."""

from collections.abc import Callable, Iterable

import keras
import tensorflow as tf


def find_fitting_batch_size(
    model: keras.Model, make_batches: Callable[[int], Iterable], batch_size: int
) -> int | None:
    """Halves the batch size until a training step fits into memory.

    The trial steps change the weights, so the model must not be used afterwards. Besides the batch they need
    the same memory as the training, e.g. for gradients and optimizer slots.

    Args:
        model: A compiled model.
        make_batches: Returns endless training batches of a given size.
        batch_size: Size of a batch that does not fit.

    Returns:
        The largest of the halves that fits; None if not even a batch of one does.

    Example:

    >>> model = keras.Sequential([keras.Input([2]), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> find_fitting_batch_size(model, lambda size: [(tf.zeros([size, 2]), tf.zeros([size, 1]))], 64)
    32
    """
    model.steps_per_execution = 1
    while batch_size > 1:
        batch_size //= 2
        # A new function, because the one that failed may still hold memory.
        model.make_train_function(force=True)
        try:
            model.train_function(iter(make_batches(batch_size)))
        except (MemoryError, tf.errors.ResourceExhaustedError):
            continue
        return batch_size
    return None
