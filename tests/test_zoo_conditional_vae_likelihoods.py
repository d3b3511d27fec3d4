"""Likelihoods of pictures against TensorFlow's own losses."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.conditional_vae.losses import bernoulli_loss

LOGITS = (-200.0, -20.0, -1.0, -1e-8, 0.0, 1e-8, 0.5, 20.0, 200.0)


@pytest.mark.parametrize("grey_level", [0.0, 0.3, 1.0])
def test_bernoulli_loss_and_its_gradients_are_those_of_tensorflow(grey_level):
    logits = tf.constant(LOGITS)
    images = tf.fill(logits.shape, grey_level)
    found = []
    for loss in (
        bernoulli_loss,
        lambda labels, values: tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=values),
    ):
        with tf.GradientTape() as tape:
            tape.watch([images, logits])
            losses = loss(images, logits)
        found.append([losses, *tape.gradient(losses, [images, logits], output_gradients=logits + 3.0)])
    for values, expected in zip(*found, strict=True):
        np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-7)
