"""Guided filter: makes values follow a guide picture's edges.

Sources:
    [GF] He et al. 2013, "Guided Image Filtering", section 3.3 and eq. 14 to 16 for colour guides.
    [Fast] He & Sun 2015, "Fast Guided Filter", arXiv 1505.00996: the coefficients at a low resolution.
"""

import tensorflow as tf


def box_mean(images, radius: int) -> tf.Tensor:
    """Averages over square windows; positions outside the picture do not count.

    Args:
        images: Float tensor `[N, h, w, C]`.
        radius: Pixels from a window's centre to its edge.

    Returns:
        Float tensor of the same shape.

    Example:

    >>> box_mean(tf.constant([[[[1.0], [3.0]]]]), 1).numpy().ravel().tolist()
    [2.0, 2.0]
    """
    # Two passes: each costs as much per pixel as the window is long.
    rows = tf.nn.avg_pool2d(images, [2 * radius + 1, 1], 1, "SAME")
    return tf.nn.avg_pool2d(rows, [1, 2 * radius + 1], 1, "SAME")


def fit_windows(guide, values, radius: int, epsilon: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Fits values by a linear function of the guide's colours in every window, and averages the functions.

    Args:
        guide: Float32 tensor `[N, h, w, C]`, C of 1 or 3, range [0, 1].
        values: Float32 tensor `[N, h, w, K]`.
        radius: Windows' radius in pixels.
        epsilon: Variance of colours below which a window counts as uniform.

    Returns:
        Slopes `[N, h, w, C, K]` and offsets `[N, h, w, K]`, [GF] eq. 14 to 16.

    Example:

    >>> guide = tf.reshape(tf.linspace(0.0, 1.0, 9), [1, 3, 3, 1])
    >>> slopes, offsets = fit_windows(guide, 2.0 * guide + 1.0, 1, 1e-6)
    >>> bool(abs(slopes[0, 1, 1, 0, 0] - 2.0) < 0.01), bool(abs(offsets[0, 1, 1, 0] - 1.0) < 0.01)
    (True, True)
    """
    num_colours, num_values = guide.shape[-1], values.shape[-1]
    guide_mean, values_mean = box_mean(guide, radius), box_mean(values, radius)
    covariance = _covariance(guide, guide, guide_mean, guide_mean, radius)
    cross_covariance = _covariance(guide, values, guide_mean, values_mean, radius)
    slopes = _solve(covariance + epsilon * tf.eye(num_colours), cross_covariance)
    offsets = values_mean - tf.reduce_sum(guide_mean[..., tf.newaxis] * slopes, axis=-2)
    flat = box_mean(tf.concat([_flatten(slopes), offsets], axis=-1), radius)
    slopes, offsets = tf.split(flat, [num_colours * num_values, num_values], axis=-1)
    shape = tf.concat([tf.shape(guide), [num_values]], axis=0)
    return tf.reshape(slopes, shape), offsets


def apply_windows(guide, slopes, offsets) -> tf.Tensor:
    """Applies the functions of `fit_windows` to a guide of any size; they are interpolated between pixels.

    Args:
        guide: Float32 tensor `[N, H, W, C]`, range [0, 1].
        slopes: Float32 tensor `[N, h, w, C, K]`.
        offsets: Float32 tensor `[N, h, w, K]`.

    Returns:
        Float32 tensor `[N, H, W, K]`.
    """
    num_colours, num_values = slopes.shape[-2:]
    flat = tf.concat([_flatten(slopes), offsets], axis=-1)
    flat = tf.image.resize(flat, tf.shape(guide)[1:3])
    result = flat[..., num_colours * num_values :]
    for colour in range(num_colours):
        begin = colour * num_values
        result += guide[..., colour : colour + 1] * flat[..., begin : begin + num_values]
    return result


def _covariance(left, right, left_mean, right_mean, radius: int):
    products = box_mean(_flatten(left[..., :, tf.newaxis] * right[..., tf.newaxis, :]), radius)
    shape = tf.concat([tf.shape(left), [right.shape[-1]]], axis=0)
    return tf.reshape(products, shape) - left_mean[..., :, tf.newaxis] * right_mean[..., tf.newaxis, :]


def _solve(matrices, right):
    """Solves symmetric systems `[..., C, C]` by the adjugate: a tenth of the time of a general solver."""
    if matrices.shape[-1] == 1:
        return right / matrices
    (a, b, c), (_, d, e), (_, _, f) = (
        tf.unstack(row, axis=-1) for row in tf.unstack(matrices, num=3, axis=-2)
    )
    adjugate = [
        [d * f - e * e, c * e - b * f, b * e - c * d],
        [c * e - b * f, a * f - c * c, b * c - a * e],
        [b * e - c * d, b * c - a * e, a * d - b * b],
    ]
    determinant = a * adjugate[0][0] + b * adjugate[0][1] + c * adjugate[0][2]
    rows = [
        sum(factor[..., tf.newaxis] * right[..., index, :] for index, factor in enumerate(factors))
        for factors in adjugate
    ]
    return tf.stack(rows, axis=-2) / determinant[..., tf.newaxis, tf.newaxis]


def _flatten(matrices):
    return tf.reshape(matrices, [*tf.unstack(tf.shape(matrices)[:3]), matrices.shape[3] * matrices.shape[4]])
