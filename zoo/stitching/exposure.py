"""Brings photos of different exposure and white balance to those of the first.

Sources:
    [BrownLowe] Brown & Lowe 2007, "Automatic Panoramic Image Stitching using Invariant Features", section 6:
        gains under which photos agree where they overlap, here solved for their logarithms.
"""

import tensorflow as tf

# Pixels beyond these are clipped in one of the photos, and say nothing.
_DARKEST, _BRIGHTEST = 8.0, 247.0
LARGEST_GAIN = 3.0
# How firmly a photo without overlap keeps its own exposure, as a share of the pixels.
_OWN_EXPOSURE = 1e-4
# A photo is grey if its channels differ by no more on average.
_GREY_LEVELS = 1.0


def find_gains(images, masks):
    """Finds the factors that make photos agree.

    Args:
        images: float32 tensor `[K, h, w, 3]`: photos on one canvas, from 0 to 255.
        masks: bool tensor `[K, h, w]`: where each photo is.

    Returns:
        float32 tensor `[K, 3]`: one factor per photo and channel, 1 for the first photo. If one of the photos
        is grey, factors are the same for all channels.
    """
    is_exposed = tf.reduce_all((images > _DARKEST) & (images < _BRIGHTEST), axis=-1) & masks
    shared = tf.cast(is_exposed[:, tf.newaxis] & is_exposed[tf.newaxis], "float32")
    counts = tf.reduce_sum(shared, [2, 3])
    sums = tf.einsum("ijhw,ihwc->ijc", shared, images)
    # sums[i, j]: what photo i shows where j is, too.
    ratios = tf.math.log(tf.maximum(sums, 1.0)) - tf.math.log(tf.maximum(tf.transpose(sums, [1, 0, 2]), 1.0))
    num_photos = tf.shape(images)[0]
    weights = counts * (1 - tf.eye(num_photos))
    is_first = tf.one_hot(0, num_photos)
    firmness = _OWN_EXPOSURE * tf.reduce_sum(counts) + 1e-3 + is_first * 1e3 * (tf.reduce_sum(counts) + 1)
    system = tf.linalg.diag(tf.reduce_sum(weights, axis=1) + firmness) - weights
    # Least squares of log g_i - log g_j + ratio_ij.
    logs = tf.linalg.solve(system, -tf.reduce_sum(weights[..., tf.newaxis] * ratios, axis=1))
    logs = tf.where(_has_grey(images, masks), tf.reduce_mean(logs, axis=1, keepdims=True), logs)
    return tf.clip_by_value(tf.exp(logs), 1 / LARGEST_GAIN, LARGEST_GAIN)


def _has_grey(images, masks):
    inside = tf.cast(masks, "float32")
    chroma = (tf.reduce_max(images, axis=-1) - tf.reduce_min(images, axis=-1)) * inside
    means = tf.reduce_sum(chroma, [1, 2]) / tf.maximum(tf.reduce_sum(inside, [1, 2]), 1.0)
    return tf.reduce_any(means < _GREY_LEVELS)
