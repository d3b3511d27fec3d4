"""Gradients from one backward pass through the discriminator against those from two."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.dcgan.losses import LOSSES
from zoo.dcgan.one_pass_gradients import one_pass_gradients

RANDOM = np.random.default_rng(0)
REAL = RANDOM.normal(size=(6, 4, 4, 1)).astype("float32")
LATENTS = RANDOM.normal(size=(6, 3)).astype("float32")


def make_networks(logit_scale: float):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    generator = keras.Sequential([keras.Input((3,)), layers.Dense(16), layers.Reshape((4, 4, 1))])
    discriminator = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Conv2D(5, 3, 2),
            layers.LeakyReLU(),
            layers.Flatten(),
            layers.Dense(1),
            layers.Rescaling(logit_scale),
        ]
    )
    return generator, discriminator


def differentiate(loss, logit_scale: float, loss_scales=(1.0, 1.0)):
    """Returns the logits of generated pictures, and both networks' gradients by one way back and by two."""
    generator, discriminator = make_networks(logit_scale)
    with tf.GradientTape(persistent=True) as tape:
        generated = generator(LATENTS)
        logits = discriminator(generated)
        losses = (
            loss_scales[0] * loss.discriminator(discriminator(REAL), logits),
            loss_scales[1] * loss.generator(logits),
        )
    variables = discriminator.trainable_variables, generator.trainable_variables
    separate = [tape.gradient(*pair) for pair in zip(losses, variables, strict=True)]
    return logits.numpy(), one_pass_gradients(tape, *losses, generated, logits, *variables), separate


def check_equal(gradients, expected):
    for of_network, expected_of_network in zip(gradients, expected, strict=True):
        for gradient, expected_gradient in zip(of_network, expected_of_network, strict=True):
            scale = np.abs(expected_gradient).max()
            np.testing.assert_allclose(gradient, expected_gradient, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_two_ways(name):
    _, gradients, expected = differentiate(LOSSES[name], 1.0)
    check_equal(gradients, expected)


@pytest.mark.parametrize("name", ["non_saturating", "hinge"])
def test_a_discriminator_that_is_sure_still_teaches_the_generator(name):
    """Where its own loss has no slope left, the generator's has: here at logits from -200 to 300."""
    logits, gradients, expected = differentiate(LOSSES[name], 600.0)
    assert logits.min() < -200
    assert logits.max() > 300
    assert all(np.abs(gradient).max() > 0 for gradient in expected[1])
    check_equal(gradients, expected)


def test_each_loss_has_its_own_scale():
    _, gradients, expected = differentiate(LOSSES["non_saturating"], 1.0, loss_scales=(8.0, 1024.0))
    check_equal(gradients, expected)
