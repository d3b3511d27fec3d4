"""Adversarial losses and gradient penalties.

To add a loss, add an entry to `LOSSES`, its name to the docstring of `DCGAN`, and a row to the tables of
`tests/test_zoo_dcgan_losses.py`; the option and its help follow.

Sources:
    [GAN] Goodfellow et al. 2014, arXiv 1406.2661.
    [Hinge] Lim & Ye 2017, arXiv 1705.02894; as in Miyato et al. 2018, arXiv 1802.05957, eq. 16 and 17.
    [WGAN] Arjovsky et al. 2017, arXiv 1701.07875.
    [WGAN-GP] Gulrajani et al. 2017, arXiv 1704.00028.
    [R1] Mescheder et al. 2018, arXiv 1801.04406.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
    """A pair of losses, for the discriminator and the generator; both are means over the batch.

    Args:
        discriminator: Maps the logits of real and of generated pictures to the discriminator's loss.
        generator: Maps the logits of generated pictures to the generator's loss. It may use nothing else:
            `zoo/dcgan/one_pass_gradients.py` takes both losses' gradients from one backward pass.
        gradient_penalty_weight: Weight of `interpolation_penalty` in the discriminator's loss.
    """

    discriminator: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    generator: Callable[[tf.Tensor], tf.Tensor]
    gradient_penalty_weight: float = 0.0


def _logistic_discriminator(real_logits, generated_logits):
    """[GAN] eq. 1, negated: `-log D(x) - log(1 - D(G(z)))`."""
    return tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(tf.nn.softplus(generated_logits))


def _non_saturating_generator(generated_logits):
    """[GAN] section 3: `-log D(G(z))`."""
    return tf.reduce_mean(tf.nn.softplus(-generated_logits))


def _hinge_discriminator(real_logits, generated_logits):
    """[Hinge]: `max(0, 1 - D(x)) + max(0, 1 + D(G(z)))`."""
    return tf.reduce_mean(tf.nn.relu(1.0 - real_logits)) + tf.reduce_mean(tf.nn.relu(1.0 + generated_logits))


def _wasserstein_critic(real_logits, generated_logits):
    """[WGAN] eq. 2, negated: `D(G(z)) - D(x)`."""
    return tf.reduce_mean(generated_logits) - tf.reduce_mean(real_logits)


def _linear_generator(generated_logits):
    """[WGAN] and [Hinge]: `-D(G(z))`."""
    return -tf.reduce_mean(generated_logits)


LOSSES = {
    "non_saturating": AdversarialLoss(_logistic_discriminator, _non_saturating_generator),
    "hinge": AdversarialLoss(_hinge_discriminator, _linear_generator),
    # [WGAN-GP] algorithm 1: lambda = 10.
    "wasserstein_gp": AdversarialLoss(_wasserstein_critic, _linear_generator, gradient_penalty_weight=10.0),
}


def interpolation_penalty(
    discriminate: Callable[[tf.Tensor], tf.Tensor], real_images, generated_images, mixing
) -> tf.Tensor:
    """[WGAN-GP] eq. 3: mean over the batch of `(|grad D(x)| - 1)^2` between real and generated pictures.

    Args:
        discriminate: Maps pictures to logits `[N, 1]`.
        real_images: float tensor `[N, h, w, C]`.
        generated_images: float tensor of the same shape.
        mixing: float tensor `[N, 1, 1, 1]` in [0, 1]: the real picture's share of the mix.

    Returns:
        float32 scalar.
    """
    between = mixing * real_images + (1.0 - mixing) * generated_images
    norms = tf.sqrt(_squared_gradient_norms(discriminate, between) + 1e-12)
    return tf.reduce_mean(tf.square(norms - 1.0))


def r1_penalty(discriminate: Callable[[tf.Tensor], tf.Tensor], real_images) -> tf.Tensor:
    """[R1] eq. 9 without its factor: mean over the batch of `|grad D(x)|^2` at real pictures.

    Args:
        discriminate: Maps pictures to logits `[N, 1]`.
        real_images: float tensor `[N, h, w, C]`.

    Returns:
        float32 scalar.
    """
    return tf.reduce_mean(_squared_gradient_norms(discriminate, real_images))


def _squared_gradient_norms(discriminate, images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = discriminate(images)
    gradients = tf.cast(tape.gradient(logits, images), "float32")
    return tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3])
