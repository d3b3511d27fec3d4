"""Brings a small mask to a photo's own size and takes the ground's colour out of the fringe.

Sources:
    [GF] He et al. 2013, "Guided Image Filtering", section 4: masks that follow the photo's edges.
    [Fusion] Forte 2021, "Approximate Fast Foreground Colour Estimation", ICIP: the colours of product and
        ground as weighted local means, corrected by what the photo shows.
"""

import tensorflow as tf

from zoo.pictures.guided_filter import apply_windows, box_mean, fit_windows

# Longest side in pixels of the photo on which the edges are found.
GUIDE_PIXELS = 512
# Windows of the guided filter, in pixels of that photo, and the variance of colours in [0, 1] that counts as
# flat.
RADIUS = 7
EPSILON = 1e-3
# Below and above these opacities a pixel belongs to the ground or to the product alone.
LOWEST, HIGHEST = 0.3, 0.7
# Reach of the colours of product and ground, in pixels of the guide.
COLOUR_RADIUS = 8


def refine_mask(raw_image, probabilities) -> tf.Tensor:
    """Returns the product's opacity at the photo's size.

    Args:
        raw_image: uint8 tensor `[h, w, 3]`.
        probabilities: float32 tensor `[S, S, 1]`: of the whole photo, whatever its shape.

    Returns:
        float32 tensor `[h, w, 1]`, range [0, 1]: exactly 0 or 1 away from edges.
    """
    guide = _unit(raw_image)
    low_guide = _shrink(guide)
    low_mask = tf.image.resize(probabilities[tf.newaxis], tf.shape(low_guide)[1:3], antialias=True)
    slopes, offsets = fit_windows(low_guide, low_mask, RADIUS, EPSILON)
    refined = apply_windows(guide, slopes, offsets)[0]
    return tf.clip_by_value((refined - LOWEST) / (HIGHEST - LOWEST), 0.0, 1.0)


def free_fringe(raw_image, opacity) -> tf.Tensor:
    """Takes the ground's colours out of the pixels in which product and ground mix [Fusion].

    Args:
        raw_image: uint8 tensor `[h, w, 3]`.
        opacity: float32 tensor `[h, w, 1]`, range [0, 1].

    Returns:
        uint8 tensor `[h, w, 3]`: the photo's own bytes wherever `opacity` is 1.
    """
    image, alpha = _unit(raw_image), opacity[tf.newaxis]
    low_image = _shrink(image)
    low_alpha = tf.image.resize(alpha, tf.shape(low_image)[1:3], method="area")
    product, ground = (
        tf.image.resize(_local_colours(low_image, weights), tf.shape(image)[1:3])
        for weights in (low_alpha, 1.0 - low_alpha)
    )
    colours = product + alpha * (image - alpha * product - (1.0 - alpha) * ground)
    colours = tf.cast(tf.round(255.0 * tf.clip_by_value(colours, 0.0, 1.0)), "uint8")[0]
    return tf.where(opacity >= 1.0, raw_image, colours)


def _local_colours(images, weights):
    weights = tf.square(weights) + 1e-4
    return box_mean(images * weights, COLOUR_RADIUS) / box_mean(weights, COLOUR_RADIUS)


def _unit(raw_image):
    return tf.cast(raw_image[tf.newaxis], "float32") / 255.0


def _shrink(images):
    sides = tf.shape(images)[1:3]
    scale = tf.minimum(1.0, GUIDE_PIXELS / tf.cast(tf.reduce_max(sides), "float32"))
    small = tf.maximum(tf.cast(tf.round(scale * tf.cast(sides, "float32")), "int32"), 1)
    # The mean of the covered pixels: antialiased filters cost four times as much on large photos.
    return tf.image.resize(images, small, method="area")
