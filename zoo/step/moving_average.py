"""Moving averages of weights: what a network has been lately, without the noise of its last steps."""

import tensorflow as tf


def momentum_at(step, momentum: float) -> tf.Tensor:
    """Returns the share that an average keeps at a step: less at first, when the start is not worth keeping.

    Args:
        step: Integer scalar from 0.
        momentum: The share later on, range [0, 1).

    Example:

    >>> [round(float(momentum_at(step, 0.9)), 3) for step in (0, 10, 1000)]
    [0.1, 0.55, 0.9]
    """
    step = tf.cast(step, "float32")
    return tf.minimum(momentum, (1.0 + step) / (10.0 + step))


def follow(average, network, momentum) -> None:
    """Moves the weights of a network towards those of another of the same shape.

    Args:
        average: The `keras.Model` that is moved.
        network: The one that it follows.
        momentum: Share of its weights that the average keeps.
    """
    for averaged, variable in zip(average.weights, network.weights, strict=True):
        averaged.assign(momentum * averaged + (1.0 - momentum) * variable)
