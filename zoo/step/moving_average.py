"""Exponential moving averages of weights, which smooth out the noise of a network's last steps."""

import tensorflow as tf


def momentum_at(step, momentum: float) -> tf.Tensor:
    """Returns an average's momentum at a step: smaller at first, to forget the initial weights sooner.

    Args:
        step: Integer scalar from 0.
        momentum: The final momentum, range [0, 1).

    Example:

    >>> [round(float(momentum_at(step, 0.9)), 3) for step in (0, 10, 1000)]
    [0.1, 0.55, 0.9]
    """
    step = tf.cast(step, "float32")
    return tf.minimum(momentum, (1.0 + step) / (10.0 + step))


def follow(average, network, momentum) -> None:
    """Moves an average's weights towards those of a network of the same architecture.

    Args:
        average: The `keras.Model` that is updated in place.
        network: The `keras.Model` that it follows.
        momentum: Share of the average's own weights that is kept.
    """
    for averaged, variable in zip(average.weights, network.weights, strict=True):
        averaged.assign(momentum * averaged + (1.0 - momentum) * variable)
