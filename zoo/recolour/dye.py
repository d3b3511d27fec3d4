"""Finds a product's main dye and changes it; shading, texture and other colours stay.

All colours are in OKLab (`zoo/colour/oklab.py`). A dye in the shade keeps its hue, and its chroma falls with
its lightness; pixels that fit this rule carry the dye, others (prints, labels, buttons, skin) do not.

Sources:
    [MeanShift] Comaniciu & Meer 2002, "Mean Shift: A Robust Approach Toward Feature Space Analysis".
    [Reinhard] Reinhard et al. 2001, "Color Transfer between Images": means and spreads moved per channel.
"""

from typing import NamedTuple

import tensorflow as tf

# Bins of the histogram in which the main dye is looked for.
LIGHTNESS_BINS, CHROMA_BINS, CHROMA_LIMIT = 10, 33, 0.33
# Bandwidths of the mean shift: lightness varies with the folds, chroma hardly.
LIGHTNESS_BANDWIDTH, CHROMA_BANDWIDTH = 0.12, 0.035
NUM_SHIFTS = 6
# How far, in OKLab, a dye may be from the source colour that a user names.
SOURCE_BANDWIDTH = 0.12
# Distances in chroma from the dye's shade at which a pixel surely is dye, and surely is not. They grow with
# the dye's own chroma, because strong colours vary more.
NEAR_CHROMA, FAR_CHROMA, CHROMA_GROWTH = 0.03, 0.075, 0.35
# Multiples of the dye's spread of lightness with the same meaning.
NEAR_SPREADS, FAR_SPREADS = 2.6, 4.0
SMALLEST_SPREAD, LARGEST_SPREAD = 0.06, 0.16
# Share of a pixel's own deviation from its dye's chroma that is kept: yarn, melange, worn edges.
KEPT_DEVIATION = 0.3
# The room that folds need above a pale target and below a dark one.
PALEST, DARKEST = 0.955, 0.19


class Dye(NamedTuple):
    """The main dye of a product.

    Args:
        colour: float32 `[3]`: its most frequent colour.
        low: float32 scalar: lightness that 4 % of its pixels are below.
        high: float32 scalar: lightness that 4 % of its pixels are above.
        share: float32 scalar: share of the product's pixels that carry it.
    """

    colour: tf.Tensor
    low: tf.Tensor
    high: tf.Tensor
    share: tf.Tensor


def find_dye(lab, weights, source, has_source) -> tuple[Dye, tf.Tensor]:
    """Finds the main dye of a product, or the one nearest to a named colour.

    Args:
        lab: float32 tensor `[P, 3]`: pixels of the photo.
        weights: float32 tensor `[P]`: how much each of them is product.
        source: float32 tensor `[3]`: the colour to look for.
        has_source: bool scalar: whether there is one; otherwise the most frequent colour is the dye.

    Returns:
        The dye, and each pixel's membership in it, float32 `[P]`, range [0, 1].
    """
    centre = _densest_bin(lab, weights, source, has_source)
    bandwidths = tf.constant([LIGHTNESS_BANDWIDTH, CHROMA_BANDWIDTH, CHROMA_BANDWIDTH])
    for _ in range(NUM_SHIFTS):
        distances = tf.reduce_sum(tf.square((lab - centre) / bandwidths), axis=-1)
        near = weights * tf.exp(-0.5 * distances)
        centre = tf.tensordot(near, lab, 1) / tf.maximum(tf.reduce_sum(near), 1e-6)
    deviation = lab[:, 1:] - _shaded(centre, lab[:, 0])
    by_chroma = weights * (1.0 - _ramp(tf.norm(deviation, axis=-1), *_chroma_limits(centre)))
    centre = tf.concat([centre[:1], _median_chroma(lab, by_chroma, centre)], axis=0)
    spread = tf.sqrt(
        tf.reduce_sum(near * tf.square(lab[:, 0] - centre[0])) / tf.maximum(tf.reduce_sum(near), 1e-6)
    )
    spread = tf.clip_by_value(1.4 * spread, SMALLEST_SPREAD, LARGEST_SPREAD)
    membership = member_of(lab, centre, spread)
    carrying = weights * membership
    low, middle, high = _quantiles(lab[:, 0], carrying, (0.04, 0.5, 0.96))
    colour = tf.concat([middle[tf.newaxis], centre[1:] * middle / tf.maximum(centre[0], 1e-3)], axis=0)
    share = tf.reduce_sum(carrying) / tf.maximum(tf.reduce_sum(weights), 1e-6)
    return Dye(colour, low, high, share), membership


def member_of(lab, centre, spread) -> tf.Tensor:
    """Returns how much pixels fit a dye in light and shade, float32 `[P]`, range [0, 1].

    Args:
        lab: float32 tensor `[P, 3]`.
        centre: float32 tensor `[3]`: the dye's colour.
        spread: float32 scalar: its standard deviation of lightness.

    Example:

    >>> pixels = tf.constant([[0.5, 0.1, 0.1], [0.4, 0.08, 0.08], [0.5, -0.1, 0.1], [0.98, 0.0, 0.0]])
    >>> member_of(pixels, pixels[0], 0.08).numpy().round(2).tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    deviation = tf.norm(lab[:, 1:] - _shaded(centre, lab[:, 0]), axis=-1)
    by_chroma = 1.0 - _ramp(deviation, *_chroma_limits(centre))
    # A strong hue is proof enough; among greys lightness alone tells a dye from another.
    chroma = tf.norm(centre[1:])
    slack = 1.0 + tf.clip_by_value((chroma - 0.03) / 0.05, 0.0, 1.0)
    distance = tf.abs(lab[:, 0] - centre[0]) / (spread * slack)
    return by_chroma * (1.0 - _ramp(distance, NEAR_SPREADS, FAR_SPREADS))


def change_dye(lab, dye: Dye, target) -> tf.Tensor:
    """Dyes pixels in another colour [Reinhard].

    Args:
        lab: float32 tensor `[P, 3]`: pixels that carry the dye.
        dye: The dye.
        target: float32 tensor `[3]`: the colour that its most frequent colour becomes.

    Returns:
        float32 tensor `[P, 3]`.
    """
    middle = tf.clip_by_value(target[0], DARKEST, PALEST)
    # Folds of a pale cloth look as deep as those of a dark one, but cover fewer numbers; both must fit.
    contrast = tf.clip_by_value(tf.pow(middle / tf.maximum(dye.colour[0], 0.05), 0.6), 0.55, 1.25)
    above = (1.0 - middle) / tf.maximum(dye.high - dye.colour[0], 0.02)
    below = (middle - 0.04) / tf.maximum(dye.colour[0] - dye.low, 0.02)
    contrast = tf.minimum(contrast, tf.maximum(tf.minimum(above, below), 0.3))
    lightness = _bend(middle + contrast * (lab[:, 0] - dye.colour[0]))
    shade = tf.clip_by_value(lightness / middle, 0.3, 1.12)[:, tf.newaxis]
    kept = KEPT_DEVIATION * (lab[:, 1:] - _shaded(dye.colour, lab[:, 0]))
    return tf.concat([lightness[:, tf.newaxis], target[1:] * shade + kept], axis=-1)


def _bend(lightness):
    """Leaves room at both ends, so that no highlight is cut off flat."""
    high = 0.985 + 0.015 * tf.tanh((lightness - 0.985) / 0.015)
    low = 0.05 + 0.05 * tf.tanh((lightness - 0.05) / 0.05)
    return tf.where(lightness > 0.985, high, tf.where(lightness < 0.05, low, lightness))


def _shaded(colour, lightness):
    """Returns a dye's chroma `[P, 2]` at other lightnesses `[P]`."""
    return colour[1:] * tf.clip_by_value(lightness / tf.maximum(colour[0], 0.05), 0.0, 1.6)[:, tf.newaxis]


def _chroma_limits(centre):
    growth = CHROMA_GROWTH * tf.norm(centre[1:])
    return NEAR_CHROMA + growth, FAR_CHROMA + growth


def _ramp(values, low, high):
    share = tf.clip_by_value((values - low) / (high - low), 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def _densest_bin(lab, weights, source, has_source):
    bins = tf.constant([LIGHTNESS_BINS, CHROMA_BINS, CHROMA_BINS])
    lows = tf.constant([0.0, -CHROMA_LIMIT, -CHROMA_LIMIT])
    widths = tf.constant([1.0, 2 * CHROMA_LIMIT, 2 * CHROMA_LIMIT]) / tf.cast(bins, "float32")
    indices = tf.clip_by_value(tf.cast((lab - lows) / widths, "int32"), 0, bins - 1)
    flat = (indices[:, 0] * CHROMA_BINS + indices[:, 1]) * CHROMA_BINS + indices[:, 2]
    number = LIGHTNESS_BINS * CHROMA_BINS * CHROMA_BINS
    counts = tf.math.unsorted_segment_sum(weights, flat, number)
    counts = tf.reshape(counts, [1, LIGHTNESS_BINS, CHROMA_BINS, CHROMA_BINS, 1])
    smooth = tf.nn.avg_pool3d(counts, [3, 3, 3], 1, "SAME")
    cells = tf.stack(tf.meshgrid(*(tf.range(n) for n in tf.unstack(bins, num=3)), indexing="ij"), axis=-1)
    centres = lows + (tf.cast(cells, "float32") + 0.5) * widths
    distances = tf.reduce_sum(tf.square((centres - source) / SOURCE_BANDWIDTH), axis=-1)
    nearness = tf.where(has_source, tf.exp(-0.5 * distances), tf.ones_like(distances))
    scores = tf.reshape(smooth[0, ..., 0] * nearness, [-1])
    return tf.reshape(centres, [-1, 3])[tf.argmax(scores)]


def _median_chroma(lab, weights, centre):
    # In the dye's full light, so that shade does not count as greyness.
    light = lab[:, 1:] * (centre[0] / tf.maximum(lab[:, :1], 0.1))
    return tf.stack([_quantiles(light[:, axis], weights, (0.5,))[0] for axis in (0, 1)])


def _quantiles(values, weights, shares):
    order = tf.argsort(values)
    values, total = tf.gather(values, order), tf.cumsum(tf.gather(weights, order))
    places = tf.searchsorted(total, tf.constant(shares) * total[-1])
    return tf.unstack(tf.gather(values, tf.minimum(places, tf.size(values) - 1)), num=len(shares))
