"""Seeds for Keras layers inside `tf.data`: functions of a position instead of counters."""

import keras
import tensorflow as tf


class StatelessSeeds(keras.random.SeedGenerator):
    """Gives every random draw of a layer a seed of its own that depends on no earlier call.

    Keras' own generators count their calls in a variable: in a parallel `map` the count depends on which
    thread comes first, and a run that is resumed begins again at zero. Keras takes a generator or a Python
    number for a seed, no tensor; this is a generator without a variable.

    Args:
        seed: Integer tensor `[2]`.
        stream: Number that tells apart generators with the same seed.

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
        """Returns the generator of one picture of a batch."""
        return StatelessSeeds(self._seed, number)
