"""Decides which photo shows each point of the canvas: seams run where the photos agree.

From the part that a photo shows better than any other, a front spreads: fast where photos differ, slowly
where they agree. Two fronts therefore meet where the photos agree, and what lies differently in them, such as
a fold that moved, is taken whole from one.

Sources:
    [Watershed] Vincent & Soille 1991, "Watersheds in Digital Spaces": regions grown from markers.
    [Geodesic] Soille 2006, "Morphological Image Compositing": seams by fronts from the photos' own parts.
"""

import tensorflow as tf

# A point is surely a photo's if it is so many times further from its edge than from those of the others.
_BETTER = 8.0
# Difference in grey levels from which photos disagree, and the cost of a step where they do.
_DIFFERENT_LEVELS, _LEAST_COST = 6.0, 0.03
_FAR = 1e6


def find_depths(masks):
    """Returns how far each point is from its photo's edge.

    Args:
        masks: bool tensor `[K, h, w]`.

    Returns:
        float32 tensor `[K, h, w]`: 0 outside the photo, 1 on its edge, and more inside.
    """
    # Beyond the canvas there is no photo.
    remaining = tf.pad(tf.cast(masks, "float32"), [[0, 0], [1, 1], [1, 1]])[..., tf.newaxis]

    def erode(remaining, depths):
        return -tf.nn.max_pool2d(-remaining, 3, 1, "SAME"), depths + remaining

    _, depths = tf.while_loop(
        lambda remaining, _: tf.reduce_any(remaining > 0), erode, (remaining, tf.zeros_like(remaining))
    )
    return depths[:, 1:-1, 1:-1, 0]


def find_arrivals(images, masks, depths):
    """Returns when each photo's front arrives at each point; a point belongs to the first.

    Args:
        images: float32 tensor `[K, h, w, 3]`: photos on one canvas, from 0 to 255, of the same exposure.
        masks: bool tensor `[K, h, w]`: where each photo is.
        depths: float32 tensor `[K, h, w]`, of `find_depths`.

    Returns:
        float32 tensor `[K, h, w]`, in points where photos agree.
    """
    num_photos = tf.shape(depths)[0]
    # [i, j]: photo j, but for j = i, which is no rival.
    rivals = depths[tf.newaxis] * (1 - tf.eye(num_photos))[..., tf.newaxis, tf.newaxis]
    is_source = masks & (depths > _BETTER * tf.reduce_max(rivals, axis=1))
    costs = _step_costs(images, masks)[tf.newaxis, ..., tf.newaxis]
    start = tf.where(is_source, 0.0, _FAR)[..., tf.newaxis]

    def spread(_, arrivals):
        nearest = -tf.nn.max_pool2d(-arrivals, 3, 1, "SAME")
        spread = tf.minimum(arrivals, nearest + costs)
        return tf.reduce_any(spread < arrivals), spread

    _, arrivals = tf.while_loop(lambda changes, _: changes, spread, (tf.constant(True), start))
    return arrivals[..., 0]


def _step_costs(images, masks):
    inside = masks[..., tf.newaxis]
    highest = tf.reduce_max(tf.where(inside, images, 0.0), axis=0)
    lowest = tf.reduce_min(tf.where(inside, images, 255.0), axis=0)
    differences = tf.maximum(tf.reduce_max(highest - lowest, axis=-1), 0.0)
    return tf.maximum(1 / (1 + (differences / _DIFFERENT_LEVELS) ** 2), _LEAST_COST)
