"""The conditional VAE's losses: pictures' likelihoods, latents' divergence and dependence on attributes.

Sources:
    [VAE] Kingma & Welling 2014, arXiv 1312.6114, appendix B: the divergence of two Gaussians; appendix C:
        Bernoulli and Gaussian decoders.
    [sigma-VAE] Rybkin et al. 2021, arXiv 2006.13202: one variance for all pixels, learned with the weights.
    [HSIC] Gretton et al. 2005, "Measuring Statistical Dependence with Hilbert-Schmidt Norms".
    [HCV] Lopez et al. 2018, arXiv 1805.08672: HSIC as a penalty for autoencoders.
    [WAE] Tolstikhin et al. 2018, arXiv 1711.01558, section 4: this kernel at seven scales.
"""

import math

import tensorflow as tf

from zoo.errors import UnknownNameError

LIKELIHOODS = ("bernoulli", "gaussian")
# A standard deviation of an eighth of a grey level; anything below is the pictures' rounding.
_MIN_LOG_VARIANCE = 2 * math.log(1 / 8 / 255)


def check_likelihood(name: str) -> None:
    """Raises `UnknownNameError` unless the likelihood exists."""
    if name not in LIKELIHOODS:
        raise UnknownNameError("likelihood", name, LIKELIHOODS)


def bernoulli_loss(images, logits) -> tf.Tensor:
    """Returns the Bernoulli negative log likelihood, with grey levels as probabilities ([VAE] appendix C.1).

    Args:
        images: float32 tensor of any shape, range [0, 1].
        logits: float32 tensor of the same shape, unbounded.

    Returns:
        float32 tensor of the same shape: nats per pixel.
    """
    return _sigmoid_cross_entropy(images, logits)


@tf.custom_gradient
def _sigmoid_cross_entropy(labels, logits):
    """Computes `tf.nn.sigmoid_cross_entropy_with_logits` with a gradient that is many times as fast."""

    def gradients(upstream):
        return -upstream * logits, upstream * (tf.sigmoid(logits) - labels)

    return tf.nn.relu(logits) - logits * labels + tf.math.log1p(tf.exp(-tf.abs(logits))), gradients


def gaussian_loss(images, logits, log_variance) -> tf.Tensor:
    """Returns the negative log density of a Gaussian around the decoded picture ([sigma-VAE] eq. 4).

    Args:
        images: float32 tensor of any shape, range [0, 1].
        logits: float32 tensor of the same shape; its sigmoid, in [0, 1], is the mean.
        log_variance: float32 scalar: logarithm of the variance, which all pixels share.

    Returns:
        float32 tensor of the same shape: nats per pixel; negative where the density is above 1.

    Example:

    >>> images, logits = tf.constant([0.5, 1.5]), tf.zeros([2])
    >>> [round(float(loss), 4) for loss in gaussian_loss(images, logits, tf.constant(0.0))]
    [0.9189, 1.4189]
    """
    log_variance = tf.maximum(log_variance, _MIN_LOG_VARIANCE)
    error = tf.square(images - tf.sigmoid(logits)) * tf.exp(-log_variance)
    return 0.5 * (error + log_variance + math.log(2 * math.pi))


def gaussian_kl(mean, log_variance) -> tf.Tensor:
    """Returns the KL divergence from a standard normal distribution ([VAE] appendix B), in nats.

    Args:
        mean: float tensor of any shape.
        log_variance: float tensor of the same shape.

    Returns:
        float tensor of the same shape: one non-negative value per dimension.

    Example:

    >>> gaussian_kl(tf.constant([0.0, 1.0]), tf.constant([0.0, 0.0])).numpy().tolist()
    [0.0, 0.5]
    """
    return 0.5 * (tf.square(mean) + tf.exp(log_variance) - 1.0 - log_variance)


# [WAE]: in units of the mean squared distance between standard normal latents.
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def dependence(latents, value_ids) -> tf.Tensor:
    """Measures how strongly latents depend on an attribute's values [HSIC].

    Args:
        latents: float32 tensor `[N, D]`.
        value_ids: Integer tensor `[N]` of class ids; rows of -1, unknown, are left out.

    Returns:
        float32 scalar, at most 1: the mean kernel value of pairs with the same value minus that of all pairs;
        0 on average if latents do not depend on values, and 0 if no pair has the same value.

    Example:

    >>> latents = tf.constant([[-3.0], [-3.0], [3.0], [3.0]])
    >>> [round(float(dependence(latents, ids)), 2) for ids in ([0, 0, 1, 1], [0, 1, 0, 1])]
    [0.59, -0.3]
    """
    latents = tf.cast(latents, "float32")
    squares = tf.reduce_sum(tf.square(latents), axis=-1)
    # Rounding could make distances negative.
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
