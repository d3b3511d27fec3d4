"""Stateless seeds for Keras layers inside `tf.data`: functions of a position instead of counters."""

import keras
import tensorflow as tf


class StatelessSeeds(keras.random.SeedGenerator):
    """Gives each of a layer's random draws its own seed, independent of earlier calls.

    Keras' own generators count their calls in a variable: in a parallel `map` the count depends on the order
    of threads, and a resumed run starts again at zero. Keras accepts a generator or a Python number as a
    seed, but no tensor; this is a generator without a variable.

    Args:
        seed: Integer tensor `[2]`.
        stream: Number that distinguishes generators with the same seed.

    Example:

    >>> seeds = StatelessSeeds(seed=[3, 1], stream=0)
    >>> first, second = (keras.random.uniform((), seed=seeds).numpy() for _ in range(2))
    >>> bool(first == second), bool(first == keras.random.uniform((), seed=StatelessSeeds([3, 1], 0)).numpy())
    (False, True)
    """

    def __init__(self, seed, stream):
        self._seed = tf.random.experimental.stateless_fold_in(tf.cast(seed, "int64"), stream)
        self._num_drawn = 0

    def next(self, ordered=True):
        self._num_drawn += 1
        return tf.random.experimental.stateless_fold_in(self._seed, self._num_drawn)

    def of_picture(self, number) -> "StatelessSeeds":
        """Returns the generator for one picture of a batch."""
        return StatelessSeeds(self._seed, number)
