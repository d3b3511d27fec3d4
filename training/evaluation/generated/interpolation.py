"""Interpolates in a generator's latent space.

Source:
    [Sampling] White 2016, arXiv 1609.04468, section 2.
"""

import tensorflow as tf


def interpolate_on_sphere(start, end, num_steps: int) -> tf.Tensor:
    """Interpolates spherically between latents [Sampling], because straight lines cross unlikely latents.

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
