"""Kullback-Leibler divergence of a diagonal Gaussian from the standard normal.

Source:
    [VAE] Kingma & Welling 2014, arXiv 1312.6114, appendix B.
"""

import tensorflow as tf


def gaussian_kl(mean, log_variance) -> tf.Tensor:
    """[VAE] appendix B, in nats.

    Args:
        mean: float tensor of any shape.
        log_variance: float tensor of the same shape.

    Returns:
        float tensor of the same shape, one value a dimension, not negative.

    Example:

    >>> gaussian_kl(tf.constant([0.0, 1.0]), tf.constant([0.0, 0.0])).numpy().tolist()
    [0.0, 0.5]
    """
    return 0.5 * (tf.square(mean) + tf.exp(log_variance) - 1.0 - log_variance)
