"""How much latents tell of attributes.

Sources:
    [HSIC] Gretton et al. 2005, "Measuring Statistical Dependence with Hilbert-Schmidt Norms".
    [HCV] Lopez et al. 2018, arXiv 1805.08672: HSIC as a penalty of autoencoders.
    [WAE] Tolstikhin et al. 2018, arXiv 1711.01558, section 4: this kernel at seven scales.
"""

import tensorflow as tf

# [WAE]: in units of the squared distance that standard normal latents have on average.
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def dependence(latents, value_ids) -> tf.Tensor:
    """Compares how alike latents of the same value are with how alike those of any values are [HSIC].

    Args:
        latents: float32 tensor `[N, D]`.
        value_ids: Integer tensor `[N]` of class ids; rows of -1, unknown, are left out.

    Returns:
        float32 scalar: mean kernel value of pairs of the same value less that of all pairs; 0 on average if
        latents do not depend on values, at most 1; 0 where no pair has the same value.

    Example:

    >>> latents = tf.constant([[-3.0], [-3.0], [3.0], [3.0]])
    >>> [round(float(dependence(latents, ids)), 2) for ids in ([0, 0, 1, 1], [0, 1, 0, 1])]
    [0.59, -0.3]
    """
    latents = tf.cast(latents, "float32")
    squares = tf.reduce_sum(tf.square(latents), axis=-1)
    # Never below 0, which rounding could bring about.
    distances = tf.nn.relu(
        squares[:, None] + squares[None] - 2.0 * tf.matmul(latents, latents, transpose_b=True)
    )
    unit = 2.0 * latents.shape[-1]
    kernel = tf.add_n([scale * unit / (scale * unit + distances) for scale in SCALES]) / len(SCALES)

    value_ids = tf.cast(value_ids, "int32")
    is_known = value_ids >= 0
    is_pair = (is_known[:, None] & is_known[None]) & ~tf.eye(tf.shape(value_ids)[0], dtype="bool")
    is_same = is_pair & (value_ids[:, None] == value_ids[None])
    return tf.where(tf.reduce_any(is_same), _mean(kernel, is_same) - _mean(kernel, is_pair), 0.0)


def _mean(values, mask):
    mask = tf.cast(mask, values.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(mask * values), tf.reduce_sum(mask))
