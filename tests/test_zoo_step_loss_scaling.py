"""Loss scaling: which optimizers are wrapped for float16."""

import keras
import pytest
import tensorflow as tf

from zoo.step.loss_scaling import with_loss_scaling

LossScaleOptimizer = keras.mixed_precision.LossScaleOptimizer


@pytest.mark.parametrize("compute_dtype", ["float32", "bfloat16"])
def test_dtypes_with_the_range_of_float32_need_no_scaling(compute_dtype):
    optimizer = keras.optimizers.SGD()
    assert with_loss_scaling(optimizer, compute_dtype) is optimizer


def test_float16_wraps_the_optimizer():
    optimizer = keras.optimizers.SGD(0.25)
    wrapped = with_loss_scaling(optimizer, "float16")
    assert isinstance(wrapped, LossScaleOptimizer)
    assert wrapped.inner_optimizer is optimizer


def test_a_wrapped_optimizer_is_not_wrapped_again():
    wrapped = LossScaleOptimizer(keras.optimizers.SGD())
    assert with_loss_scaling(wrapped, "float16") is wrapped


def test_an_optimizer_may_be_a_name():
    assert isinstance(with_loss_scaling("adam", "float32"), keras.optimizers.Adam)
    assert isinstance(with_loss_scaling("adam", "float16").inner_optimizer, keras.optimizers.Adam)


@pytest.mark.parametrize(("compute_dtype", "learned"), [("float16", True), ("float32", False)])
def test_gradients_survive_that_would_vanish_in_float16(compute_dtype, learned):
    # A quarter of the smallest number of float16 but 0. Only where the policy says float16 is it scaled.
    gradient = 2.0**-26
    variable = keras.Variable([1.0])
    optimizer = with_loss_scaling(keras.optimizers.SGD(2.0**20), compute_dtype)
    optimizer.build([variable])
    with tf.GradientTape() as tape:
        half = tf.cast(variable.value, "float16")
        loss = tf.reduce_sum(tf.cast(half, "float32") * gradient)
        scaled_loss = optimizer.scale_loss(loss)
    optimizer.apply([tape.gradient(scaled_loss, variable.value)], [variable])
    assert float(variable[0]) == (1.0 - 2.0**20 * gradient if learned else 1.0)
