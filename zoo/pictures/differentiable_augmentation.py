"""Differentiable random augmentation, applied to real and generated pictures alike.

Sources:
    [DiffAugment] Zhao et al. 2020, arXiv 2006.10738, section 3 and appendix: policies and their strengths.
"""

from collections.abc import Sequence

import tensorflow as tf

from zoo.errors import UnknownNameError

# [DiffAugment]: shifts of up to an eighth of the side, and a cut-out square of half the side.
TRANSLATION_SHARE = 0.125
CUTOUT_SHARE = 0.5


def differentiable_augment(images, policies: Sequence[str], draw) -> tf.Tensor:
    """Augments each picture by its own random amounts.

    Args:
        images: float tensor `[N, h, w, C]`, range [-1, 1].
        policies: Names from `POLICIES`, applied in this order.
        draw: Given a shape, returns a float tensor of that shape, uniform in [0, 1).

    Returns:
        Tensor of the same shape and dtype.

    Raises:
        UnknownNameError: There is no such policy.

    Example:

    >>> images = tf.ones([2, 8, 8, 1])
    >>> cut = differentiable_augment(images, ["cutout"], tf.random.uniform)
    >>> float(tf.reduce_min(cut)), float(tf.reduce_max(cut))
    (0.0, 1.0)
    """
    check_policies(policies)
    for name in policies:
        images = POLICIES[name](images, draw)
    return images


def check_policies(policies: Sequence[str]) -> None:
    """Raises `UnknownNameError` unless all policies exist."""
    for name in policies:
        if name not in POLICIES:
            raise UnknownNameError("differentiable augmentation policy", name, POLICIES)


def _change_colour(images, draw):
    """Shifts brightness by -0.5 to 0.5, and scales saturation by 0 to 2 and contrast by 0.5 to 1.5."""
    brightness, saturation, contrast = (
        tf.cast(draw([tf.shape(images)[0], 1, 1, 1]), images.dtype) for _ in range(3)
    )
    images = images + (brightness - 0.5)
    if images.shape[-1] > 1:
        grey = tf.reduce_mean(images, axis=-1, keepdims=True)
        images = grey + (images - grey) * (2.0 * saturation)
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return mean + (images - mean) * (contrast + 0.5)


def _translate(images, draw):
    """Shifts by up to an eighth of the side; uncovered pixels become 0, as in [DiffAugment]."""
    num_images, height, width = tf.unstack(tf.shape(images)[:3])
    rows = _shift(draw, num_images, height)
    columns = _shift(draw, num_images, width)
    # A border of zeros, from which all pixels outside the picture are read.
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])
    rows = tf.clip_by_value(rows + 1, 0, height + 1)
    columns = tf.clip_by_value(columns + 1, 0, width + 1)
    shifted = tf.gather(padded, rows, axis=1, batch_dims=1)
    return tf.gather(shifted, columns, axis=2, batch_dims=1)


def _shift(draw, num_images, side):
    """Returns, for each picture, the row (or column) that each row is read from, int32 `[N, side]`."""
    reach = tf.cast(TRANSLATION_SHARE * tf.cast(side, "float32") + 0.5, "int32")
    drawn = draw([num_images, 1]) * tf.cast(2 * reach + 1, "float32")
    return tf.range(side)[None] + tf.cast(tf.floor(drawn), "int32") - reach


def _cut_out(images, draw):
    """Sets a square of half the side to 0; its centre may lie anywhere in the picture."""
    num_images, height, width = tf.unstack(tf.shape(images)[:3])
    is_cut = tf.logical_and(
        _is_near_centre(draw, num_images, height)[:, :, None],
        _is_near_centre(draw, num_images, width)[:, None, :],
    )
    return images * tf.cast(tf.logical_not(is_cut), images.dtype)[..., None]


def _is_near_centre(draw, num_images, side):
    length = tf.cast(CUTOUT_SHARE * tf.cast(side, "float32") + 0.5, "int32")
    centre = tf.cast(tf.floor(draw([num_images, 1]) * tf.cast(side, "float32")), "int32")
    place = tf.range(side)[None] - centre + length // 2
    return tf.logical_and(place >= 0, place < length)


POLICIES = {"colour": _change_colour, "translation": _translate, "cutout": _cut_out}
