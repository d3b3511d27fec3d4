"""How probable a picture is, given what a decoder says about it.

Sources:
    [VAE] Kingma & Welling 2014, arXiv 1312.6114, appendix C: Bernoulli and Gaussian decoders.
    [sigma-VAE] Rybkin et al. 2021, arXiv 2006.13202: one variance for all pixels, learned with the weights.
"""

import math

import tensorflow as tf

from zoo.errors import UnknownNameError

LIKELIHOODS = ("bernoulli", "gaussian")
# A standard deviation of an eighth of a grey level: below it lies the rounding of the pictures.
_MIN_LOG_VARIANCE = 2 * math.log(1 / 8 / 255)


def check_likelihood(name: str) -> None:
    """Raises `UnknownNameError` unless there is such a likelihood."""
    if name not in LIKELIHOODS:
        raise UnknownNameError("likelihood", name, LIKELIHOODS)


def bernoulli_loss(images, logits) -> tf.Tensor:
    """[VAE] appendix C.1 on grey levels taken as probabilities.

    Args:
        images: float32 tensor of any shape, range [0, 1].
        logits: float32 tensor of the same shape, unbounded.

    Returns:
        float32 tensor of the same shape: nats a pixel.
    """
    return _sigmoid_cross_entropy(images, logits)


@tf.custom_gradient
def _sigmoid_cross_entropy(labels, logits):
    """Does as `tf.nn.sigmoid_cross_entropy_with_logits`, whose gradient takes many times as long."""

    def gradients(upstream):
        return -upstream * logits, upstream * (tf.sigmoid(logits) - labels)

    return tf.nn.relu(logits) - logits * labels + tf.math.log1p(tf.exp(-tf.abs(logits))), gradients


def gaussian_loss(images, logits, log_variance) -> tf.Tensor:
    """[sigma-VAE] eq. 4: negative log density of a Gaussian around the decoded picture.

    Args:
        images: float32 tensor of any shape, range [0, 1].
        logits: float32 tensor of the same shape; its sigmoid is the mean, so that it stays in [0, 1].
        log_variance: float32 scalar: logarithm of the variance that all pixels share.

    Returns:
        float32 tensor of the same shape: nats a pixel; negative where the density is above 1.

    Example:

    >>> images, logits = tf.constant([0.5, 1.5]), tf.zeros([2])
    >>> [round(float(loss), 4) for loss in gaussian_loss(images, logits, tf.constant(0.0))]
    [0.9189, 1.4189]
    """
    log_variance = tf.maximum(log_variance, _MIN_LOG_VARIANCE)
    error = tf.square(images - tf.sigmoid(logits)) * tf.exp(-log_variance)
    return 0.5 * (error + log_variance + math.log(2 * math.pi))
