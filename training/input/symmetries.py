"""Mirrors and rotates patches: exact augmentations, identical in low and full resolution."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

NAMES = ("flip", "turn")


class Symmetries:
    """Mirrors and rotates each pair of patches at random.

    Bicubic interpolation treats all directions alike: a changed low-res patch equals the reduced version of
    the changed full-resolution patch, and nothing needs to be interpolated again.

    | name | change |
    |---|---|
    | `flip` | mirrored horizontally, with probability 1/2 |
    | `turn` | rotated by 0, 90, 180 or 270 degrees, or by 0 or 180 if the patch is not square |

    Args:
        names: Names from the table, in any order; others are ignored.

    Call arguments:
        patches: Tensors `[N, h, w, C]` by name, of any dtype; all square or none, static h and w.
        seed: Integer tensor `[2]`, which alone determines the changes.

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
            # Mirroring twice cancels out.
            is_mirrored = (quarters >= 2) != (flips == 1)
            return tf.where(is_mirrored, tf.reverse(images, [2]), images)

        return {name: change(images) for name, images in patches.items()}
