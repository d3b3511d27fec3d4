"""Blends photos band by band: coarse differences over a wide strip, fine detail at the seam itself.

Sources:
    [BurtAdelson] Burt & Adelson 1983, "A Multiresolution Spline with Application to Image Mosaics".
"""

from typing import NamedTuple

import tensorflow as tf

# Halvings of the canvas.
NUM_LEVELS = 5
# Canvases and windows have sides of multiples of this.
ALIGNMENT = 2**NUM_LEVELS
# Weights below this are as good as none.
_LEAST_WEIGHT = 1e-4


class Bands(NamedTuple):
    """Sums over photos.

    Args:
        values: For each level float32 `[h / 2**level, w / 2**level, 3]`: bands times weights.
        weights: For each level float32 `[h / 2**level, w / 2**level, 1]`.
    """

    values: tuple[tf.Tensor, ...]
    weights: tuple[tf.Tensor, ...]


def empty_bands(height, width, num_levels: int) -> Bands:
    """Returns sums over no photo, for a canvas whose sides are multiples of `2**num_levels`."""
    sides = [(height // 2**level, width // 2**level) for level in range(num_levels + 1)]
    return Bands(
        tuple(tf.zeros(tf.stack([*side, 3])) for side in sides),
        tuple(tf.zeros(tf.stack([*side, 1])) for side in sides),
    )


def add_photo(bands: Bands, image, weights, top, left) -> Bands:
    """Adds a photo.

    Args:
        bands: The sums so far.
        image: float32 tensor `[h, w, 3]`.
        weights: float32 tensor `[h, w, 1]`: how much each point shows of this photo.
        top: int32 scalar: row of the canvas at which the photo begins, a multiple of `ALIGNMENT`.
        left: int32 scalar: the same for columns.

    Returns:
        The new sums.
    """
    values, totals = [], []
    num_levels = len(bands.values) - 1
    for level in range(num_levels + 1):
        if level < num_levels:
            smaller = _halve(image)
            band = image - _double(smaller)
        else:
            smaller, band = image, image
        canvas = tf.shape(bands.values[level])
        place = top // 2**level, left // 2**level
        values.append(bands.values[level] + _lay(band * weights, *place, canvas))
        totals.append(bands.weights[level] + _lay(weights, *place, canvas))
        if level < num_levels:
            image, weights = smaller, _halve(weights)
    return Bands(tuple(values), tuple(totals))


def collapse(bands: Bands):
    """Returns the picture of the sums, float32 `[h, w, 3]`; 0 where no photo is."""
    picture = None
    for values, weights in zip(reversed(bands.values), reversed(bands.weights), strict=True):
        band = values / tf.maximum(weights, _LEAST_WEIGHT)
        picture = band if picture is None else band + _double(picture)
    return picture


def _lay(array, top, left, canvas):
    height, width = tf.unstack(tf.shape(array)[:2])
    return tf.pad(array, [[top, canvas[0] - top - height], [left, canvas[1] - left - width], [0, 0]])


def _halve(image):
    """Halves a picture with the binomial filter 1 3 3 1, whose inverse is linear interpolation."""
    channels = image.shape[-1]
    filter_1d = tf.constant([1.0, 3.0, 3.0, 1.0]) / 8
    kernel = tf.tile((filter_1d[:, tf.newaxis] * filter_1d)[..., tf.newaxis, tf.newaxis], [1, 1, channels, 1])
    padded = tf.pad(image[tf.newaxis], [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    return tf.nn.depthwise_conv2d(padded, kernel, [1, 2, 2, 1], "VALID")[0]


def _double(image):
    return tf.image.resize(image, tf.shape(image)[:2] * 2)
