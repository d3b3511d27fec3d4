"""Gradient norms by hand: without the loss scale, and without steps that overflow."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.step.means import GradientNorm


def test_mean_over_steps():
    norm = GradientNorm()
    optimizer = keras.optimizers.SGD()
    norm.update_state([tf.constant([3.0, 0.0]), None, tf.constant([[4.0]])], optimizer)
    norm.update_state([tf.constant([0.0]), None, tf.constant([[1.0]])], optimizer)
    assert float(norm.result()) == pytest.approx((5 + 1) / 2)


def test_the_loss_scale_is_taken_out():
    optimizer = keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=8.0)
    optimizer.build([keras.Variable([1.0])])
    norm = GradientNorm()
    norm.update_state([tf.constant([3.0, 4.0], "float16") * 8], optimizer)
    assert float(norm.result()) == pytest.approx(5.0)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_steps_that_overflow_are_left_out(value):
    norm = GradientNorm()
    for gradient in (2.0, value, 4.0):
        norm.update_state([tf.constant([gradient])], keras.optimizers.SGD())
    assert float(norm.result()) == pytest.approx(3.0)
