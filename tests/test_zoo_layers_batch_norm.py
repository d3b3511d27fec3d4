"""Batch normalisation in one operation against Keras' layer."""

import checks
import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers.batch_norm import BatchNorm

RANDOM = np.random.default_rng(0)
OPTIONS = ({}, {"epsilon": 1e-2, "momentum": 0.5}, {"scale": False}, {"center": False})


def train(layer, features, upstream):
    """Returns the result of one step, its gradients and the moving averages afterwards."""
    layer.build(features.shape)
    random = np.random.default_rng(1)
    layer.set_weights([random.uniform(0.5, 2.0, weight.shape) for weight in layer.get_weights()])
    with tf.GradientTape() as tape:
        tape.watch(features)
        result = layer(features, training=True)
    sources = [features, *(variable.value for variable in layer.trainable_variables)]
    gradients = tape.gradient(result, sources, output_gradients=tf.cast(upstream, result.dtype))
    return result, gradients, [layer.moving_mean.numpy(), layer.moving_variance.numpy()]


@pytest.mark.parametrize("shape", [(6, 5, 4, 3), (9, 4)])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_training_step_is_that_of_keras(shape, options, dtype):
    features = tf.constant(RANDOM.normal(2.0, 3.0, size=shape).astype("float32"))
    upstream = RANDOM.normal(size=shape)
    ours = train(BatchNorm(dtype=dtype, **options), features, upstream)
    theirs = train(keras.layers.BatchNormalization(dtype=dtype, **options), features, upstream)
    assert ours[0].dtype == theirs[0].dtype
    tolerance = {"float32": 1e-5, "mixed_bfloat16": 3e-2, "mixed_float16": 4e-3}[dtype]
    for values, expected in zip(tf.nest.flatten(ours), tf.nest.flatten(theirs), strict=True):
        assert values.dtype == expected.dtype
        values, expected = (tf.cast(tensor, "float32").numpy() for tensor in (values, expected))
        np.testing.assert_allclose(values, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("is_frozen", [False, True])
def test_outside_of_training_it_is_the_layer_of_keras(is_frozen):
    features = tf.constant(RANDOM.normal(size=(6, 4)).astype("float32"))
    layer, reference = BatchNorm(), keras.layers.BatchNormalization()
    for each in (layer, reference):
        each.build(features.shape)
        each.trainable = not is_frozen
        each.set_weights([np.full(weight.shape, 2.0) for weight in each.get_weights()])
    weights = layer.get_weights()
    # A frozen layer takes its moving averages in training, too.
    np.testing.assert_array_equal(
        layer(features, training=is_frozen), reference(features, training=is_frozen)
    )
    np.testing.assert_array_equal(layer.get_weights(), weights)


def test_one_row_has_no_variance():
    layer = BatchNorm(momentum=0.0)
    assert layer(tf.constant([[3.0, 5.0]]), training=True).numpy().tolist() == [[0.0, 0.0]]
    assert layer.moving_mean.numpy().tolist() == [3.0, 5.0]
    assert layer.moving_variance.numpy().tolist() == [0.0, 0.0]


def test_config_round_trip():
    checks.check_config_round_trip(BatchNorm(momentum=0.9, scale=False, dtype="mixed_bfloat16", name="norm"))
