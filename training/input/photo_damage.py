"""Damages photos as shops' photos are: by JPEG, once or twice, by scaling in between, and by noise.

Sources:
    [FBCNN] Jiang et al. 2021, arXiv 2109.14573, section 3.3: photos are often compressed twice, with a grid
    that is shifted, which networks trained on one compression do not see.
"""

import tensorflow as tf

from training.input.stateless_seeds import StatelessSeeds
from zoo.cleaning.damage import WORST_QUALITY, damage_by_jpeg, damage_by_noise
from zoo.pictures import pixels

# JPEG's grid has blocks of this side; with halved colour, twice as large.
_GRID = 16
# Pixels that a patch must have in addition on every side, for the shifts of both grids.
MARGIN_PIXELS = 2 * _GRID
BEST_QUALITY = 95
# `tf.io.encode_jpeg` with colour in full needs a quality that is known in advance.
_FULL_COLOUR_QUALITIES = tuple(range(WORST_QUALITY, BEST_QUALITY + 1, 5))
# Shares of photos without damage, and of the damaged: compressed twice, scaled in between, with noise.
_CLEAN, _TWICE, _SCALED, _NOISY = 0.1, 0.4, 0.3, 0.25
_SMALLEST_SCALE = 0.6
_LARGEST_DEVIATION = 15.0


def damage_photo(raw_image, side: int, seed) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Damages a photo by random amounts.

    A tenth stays as it is. The others are compressed at qualities 5 to 95 with colour in full or in half;
    two in five were compressed once before, with another grid, and are in part scaled in between. A quarter
    has noise, under the compression.

    Args:
        raw_image: uint8 tensor `[side + 2 * MARGIN_PIXELS, side + 2 * MARGIN_PIXELS, 3]`.
        side: Side of the results in pixels.
        seed: Integer tensor `[2]`, which alone determines the amounts.

    Returns:
        Two uint8 tensors `[side, side, 3]`, damaged and undamaged, and the damage by JPEG and by noise, a
        float32 tensor `[2]` in [0, 1] (`zoo/cleaning/damage.py`).

    Example:

    >>> photo = tf.zeros([16 + 2 * MARGIN_PIXELS] * 2 + [3], "uint8")
    >>> [result.shape.as_list() for result in damage_photo(photo, 16, seed=[0, 7])]
    [[16, 16, 3], [16, 16, 3], [2]]
    """
    seeds = StatelessSeeds(seed, 0)

    def chance(share):
        return tf.random.stateless_uniform([], seeds.next()) < share

    is_clean, is_twice, is_scaled, is_noisy = (chance(share) for share in (_CLEAN, _TWICE, _SCALED, _NOISY))
    is_noisy = tf.logical_and(is_noisy, tf.logical_not(is_clean))
    deviation = tf.random.stateless_uniform([], seeds.next(), 1.0, _LARGEST_DEVIATION)
    deviation = tf.where(is_noisy, deviation, 0.0)
    noise = deviation * tf.random.stateless_normal(tf.shape(raw_image), seeds.next())
    undamaged = raw_image
    damaged = tf.cond(
        is_noisy,
        lambda: pixels.round_to_uint8(tf.cast(raw_image, "float32") + noise),
        lambda: raw_image,
    )
    compressed, first_quality = _compress(damaged, seeds)
    is_twice = tf.logical_and(is_twice, tf.logical_not(is_clean))
    damaged = tf.where(is_twice, compressed, damaged)
    scale = tf.random.stateless_uniform([], seeds.next(), _SMALLEST_SCALE, 1.0)
    # Scaled photos keep their content's place, whatever the scale: both are cut from the same corner.
    scale = tf.where(tf.logical_and(is_twice, is_scaled), scale, 1.0)
    smallest = (side + 2.0 * _GRID) / (side + 2.0 * MARGIN_PIXELS)
    scale = tf.maximum(scale, smallest)
    damaged, undamaged = tf.cond(
        scale < 1.0,
        lambda: (_scale(damaged, scale), _scale(undamaged, scale)),
        lambda: (damaged, undamaged),
    )
    shift = tf.random.stateless_uniform([2], seeds.next(), 0, _GRID, "int32")
    damaged, undamaged = (_cut(image, shift, side + _GRID) for image in (damaged, undamaged))
    compressed, quality = _compress(damaged, seeds)
    damaged = tf.where(is_clean, damaged, compressed)
    shift = tf.random.stateless_uniform([2], seeds.next(), 0, _GRID, "int32")
    damaged, undamaged = (_cut(image, shift, side) for image in (damaged, undamaged))
    by_jpeg = tf.maximum(damage_by_jpeg(quality), tf.where(is_twice, damage_by_jpeg(first_quality), 0.0))
    return damaged, undamaged, tf.stack([tf.where(is_clean, 0.0, by_jpeg), damage_by_noise(deviation)])


def _compress(raw_image, seeds: StatelessSeeds):
    """Returns a photo after JPEG compression, and its quality."""
    index = tf.random.stateless_uniform([], seeds.next(), 0, len(_FULL_COLOUR_QUALITIES), "int32")
    in_full = tf.random.stateless_uniform([], seeds.next()) < 0.4
    quality = tf.gather(_FULL_COLOUR_QUALITIES, index)

    def with_full_colour():
        return tf.switch_case(
            index,
            [
                lambda fixed=fixed: tf.io.encode_jpeg(raw_image, "rgb", fixed, chroma_downsampling=False)
                for fixed in _FULL_COLOUR_QUALITIES
            ],
        )

    def with_half_colour():
        return tf.raw_ops.EncodeJpegVariableQuality(images=raw_image, quality=quality)

    content = tf.cond(in_full, with_full_colour, with_half_colour)
    decoded = tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")
    return tf.ensure_shape(decoded, raw_image.shape), quality


def _scale(raw_image, scale):
    sides = tf.cast(tf.round(scale * tf.cast(tf.shape(raw_image)[:2], "float32")), "int32")
    return pixels.round_to_uint8(tf.image.resize(raw_image, sides, "bicubic", antialias=True))


def _cut(raw_image, start, side: int):
    cut = raw_image[start[0] : start[0] + side, start[1] : start[1] + side]
    return tf.ensure_shape(cut, [side, side, 3])
