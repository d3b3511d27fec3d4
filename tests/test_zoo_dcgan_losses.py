"""Adversarial losses and gradient penalties, computed by hand."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.dcgan.losses import LOSSES, interpolation_penalty, r1_penalty

LN_2 = np.log(2.0)


@pytest.mark.parametrize(
    ("name", "discriminator_loss", "generator_loss"),
    [
        # Both halves say one half.
        ("non_saturating", 2 * LN_2, LN_2),
        # Both are within the margin by 1.
        ("hinge", 2.0, 0.0),
        ("wasserstein_gp", 0.0, 0.0),
    ],
)
def test_a_discriminator_that_cannot_tell(name, discriminator_loss, generator_loss):
    logits = tf.zeros([5, 1])
    assert float(LOSSES[name].discriminator(logits, logits)) == pytest.approx(discriminator_loss)
    assert float(LOSSES[name].generator(logits)) == pytest.approx(generator_loss)


@pytest.mark.parametrize(
    ("name", "right", "wrong", "generator_loss"),
    [
        # -log D(G(z)) keeps its slope where log(1 - D(G(z))) is flat.
        ("non_saturating", 0.0, 200.0, 100.0),
        ("hinge", 0.0, 202.0, 100.0),
        ("wasserstein_gp", -200.0, 200.0, 100.0),
    ],
)
def test_a_discriminator_that_is_sure(name, right, wrong, generator_loss):
    high, low = tf.fill([5, 1], 100.0), tf.fill([5, 1], -100.0)
    assert float(LOSSES[name].discriminator(high, low)) == pytest.approx(right, abs=1e-6)
    assert float(LOSSES[name].discriminator(low, high)) == pytest.approx(wrong)
    assert float(LOSSES[name].generator(low)) == pytest.approx(generator_loss)


def test_penalties_of_a_linear_discriminator():
    # Its gradient is 3 at each of 4 pixels: a norm of 6, at any picture.
    def discriminate(images):
        return 3.0 * tf.reduce_sum(images, axis=[1, 2, 3])[:, None]

    real_images, generated_images = tf.zeros([2, 2, 2, 1]), tf.ones([2, 2, 2, 1])
    assert float(r1_penalty(discriminate, real_images)) == pytest.approx(36.0)
    mixing = tf.constant([0.0, 0.5], shape=[2, 1, 1, 1])
    penalty = interpolation_penalty(discriminate, real_images, generated_images, mixing)
    assert float(penalty) == pytest.approx(25.0)


def test_the_penalty_is_taken_between_the_pictures():
    # The gradient of the square is 2 x: with three quarters real (0) and one quarter generated (2) it is 1.
    def discriminate(images):
        return tf.reduce_sum(tf.square(images), axis=[1, 2, 3])[:, None]

    mixing = tf.fill([1, 1, 1, 1], 0.75)
    penalty = interpolation_penalty(discriminate, tf.zeros([1, 1, 1, 1]), tf.fill([1, 1, 1, 1], 2.0), mixing)
    assert float(penalty) == pytest.approx(0.0, abs=1e-6)
    assert float(r1_penalty(discriminate, tf.fill([1, 1, 1, 1], 2.0))) == pytest.approx(16.0)
