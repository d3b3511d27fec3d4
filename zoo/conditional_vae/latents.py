"""Interpolation and directions in a generator's latent space.

Source:
    [Directions] White 2016, arXiv 1609.04468, sections 2 and 3.
"""

import tensorflow as tf


def interpolate_on_sphere(start, end, num_steps: int) -> tf.Tensor:
    """Interpolates spherically between latents [Directions], because straight lines cross unlikely latents.

    Args:
        start: float tensor `[N, D]`.
        end: float tensor `[N, D]`, not opposite to `start`.
        num_steps: Number of latents per pair, including both ends.

    Returns:
        float32 tensor `[N, num_steps, D]`.

    Example:

    >>> [[round(float(x), 3) for x in place] for place in interpolate_on_sphere([[1, 0]], [[0, 1]], 3)[0]]
    [[1.0, 0.0], [0.707, 0.707], [0.0, 1.0]]
    """
    start, end = (tf.cast(latents, "float32")[:, None] for latents in (start, end))
    shares = tf.linspace(0.0, 1.0, num_steps)[None, :, None]
    cosine = tf.reduce_sum(
        tf.math.l2_normalize(start, axis=-1) * tf.math.l2_normalize(end, axis=-1), axis=-1, keepdims=True
    )
    angle = tf.acos(tf.clip_by_value(cosine, -1.0, 1.0))
    # Equal latents, or zeros, have no angle to divide by.
    is_straight = angle < 1e-3
    sine = tf.sin(tf.where(is_straight, 1.0, angle))
    before = tf.where(is_straight, 1.0 - shares, tf.sin((1.0 - shares) * angle) / sine)
    after = tf.where(is_straight, shares, tf.sin(shares * angle) / sine)
    return before * start + after * end


def mean_difference(latents, has_property) -> tf.Tensor:
    """Returns the vector from the mean of latents without a property to that of those with it.

    See [Directions] section 3.2.

    Args:
        latents: float tensor `[N, D]`.
        has_property: Boolean tensor `[N]`: which latents have the property.

    Returns:
        float32 tensor `[D]`.

    Raises:
        ValueError: All rows have the property, or none.

    Example:

    >>> mean_difference([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]], [False, False, True]).numpy().tolist()
    [3.0, 0.0]
    """
    latents, has_property = tf.cast(latents, "float32"), tf.cast(has_property, "bool")
    num_rows, num_having = len(has_property), int(tf.math.count_nonzero(has_property))
    if not 0 < num_having < num_rows:
        raise ValueError(
            "A direction needs pictures with the property and pictures without it, because it leads from one "
            f"mean to the other. Received: {num_having} of {num_rows} pictures with it. Add pictures of the "
            "other kind."
        )
    with_it, without = (tf.boolean_mask(latents, mask) for mask in (has_property, ~has_property))
    return tf.reduce_mean(with_it, axis=0) - tf.reduce_mean(without, axis=0)
