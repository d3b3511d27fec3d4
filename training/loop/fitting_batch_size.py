"""Finds a batch size whose step fits into memory, after one did not."""

from collections.abc import Callable, Iterable

import keras
import tensorflow as tf


def find_fitting_batch_size(
    model: keras.Model, make_batches: Callable[[int], Iterable], batch_size: int
) -> int | None:
    """Halves a batch until one training step of it fits.

    The steps change the model, which is of no use any more. What they need beside the batch, such as
    gradients and slots, is the same as in the training.

    Args:
        model: A compiled model.
        make_batches: Returns endless training batches of so many pictures.
        batch_size: Pictures of a batch that does not fit.

    Returns:
        The largest of the halves that fits; None if not even one picture does.

    Example:

    >>> model = keras.Sequential([keras.Input([2]), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> find_fitting_batch_size(model, lambda size: [(tf.zeros([size, 2]), tf.zeros([size, 1]))], 64)
    32
    """
    model.steps_per_execution = 1
    while batch_size > 1:
        batch_size //= 2
        # A new function, because the one that failed may hold what it had allocated.
        model.make_train_function(force=True)
        try:
            model.train_function(iter(make_batches(batch_size)))
        except (MemoryError, tf.errors.ResourceExhaustedError):
            continue
        return batch_size
    return None
