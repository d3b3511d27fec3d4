"""Mirrored and turned patches: exact changes, the same in low and in full resolution."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

NAMES = ("flip", "turn")


class Symmetries:
    """Mirrors and turns pairs of patches at random, each pair for itself.

    Bicubic interpolation treats all directions alike, so that a changed low-res patch is what the changed
    full patch would be shrunk to: nothing has to be interpolated again.

    | name | change |
    |---|---|
    | `flip` | left and right exchanged, every other patch |
    | `turn` | by 0, 90, 180 or 270 degrees; patches that are not square by 0 or 180 |

    Args:
        names: Names of the table, in any order; others are left out of account.

    Call arguments:
        patches: Tensors `[N, h, w, C]` by name, of any dtype; all square or none, h and w known.
        seed: Integer tensor `[2]`; the changes depend on it and on nothing else.

    Returns:
        Tensors of the same shapes by name.

    Example:

    >>> turn = Symmetries(["turn"])
    >>> turn({"high_res": tf.zeros([2, 6, 6, 1]), "low_res": tf.zeros([2, 3, 3, 1])}, [0, 7])["low_res"].shape
    TensorShape([2, 3, 3, 1])
    """

    def __init__(self, names: Sequence[str]):
        self._flips, self._turns = ("flip" in names), ("turn" in names)

    def __call__(self, patches: Mapping[str, tf.Tensor], seed) -> dict[str, tf.Tensor]:
        if not (self._flips or self._turns):
            return dict(patches)
        first = next(iter(patches.values()))
        shape = [tf.shape(first)[0], 1, 1, 1]
        flip_seed, turn_seed = tf.unstack(tf.random.split(tf.cast(seed, "int64"), num=2))
        flips = tf.random.stateless_uniform(shape, flip_seed, 0, 2, "int32") * int(self._flips)
        quarters = tf.random.stateless_uniform(shape, turn_seed, 0, 4, "int32") * int(self._turns)
        is_square = first.shape[1] == first.shape[2]
        if not is_square:
            quarters = quarters // 2 * 2

        def change(images):
            if is_square:
                images = tf.where(quarters % 2 == 1, tf.transpose(images, [0, 2, 1, 3]), images)
            images = tf.where((quarters == 1) | (quarters == 2), tf.reverse(images, [1]), images)
            # Mirrored twice is not mirrored.
            is_mirrored = (quarters >= 2) != (flips == 1)
            return tf.where(is_mirrored, tf.reverse(images, [2]), images)

        return {name: change(images) for name, images in patches.items()}
