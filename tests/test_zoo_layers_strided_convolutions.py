"""Strided convolutions against Keras' own layers: the same weights, results and gradients."""

import checks
import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers.strided_convolutions import StridedConv2D, StridedConv2DTranspose

RANDOM = np.random.default_rng(0)
LAYERS = ((StridedConv2D, keras.layers.Conv2D), (StridedConv2DTranspose, keras.layers.Conv2DTranspose))


def make_pair(strided_class, keras_class, filters, features, dtype="float32", use_bias=True):
    """Builds ours and the layer of Keras with the same weights."""
    options = {"use_bias": use_bias, "dtype": dtype}
    layer, reference = strided_class(filters, **options), keras_class(filters, 4, 2, "same", **options)
    layer(features)
    reference(features)
    layer.set_weights([RANDOM.normal(size=weight.shape) for weight in layer.get_weights()])
    reference.set_weights(layer.get_weights())
    return layer, reference


def check_close(values, expected, dtype):
    scale = float(tf.reduce_max(tf.abs(tf.cast(expected, "float32"))))
    tolerance = {"float32": 1e-5, "bfloat16": 2e-2}[dtype]
    for tensor in (values, expected):
        assert tensor.dtype == expected.dtype
    np.testing.assert_allclose(
        tf.cast(values, "float32"), tf.cast(expected, "float32"), rtol=0, atol=tolerance * scale
    )


@pytest.mark.parametrize("classes", LAYERS)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize(("channels", "filters"), [(1, 5), (3, 8), (5, 2), (32, 34)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_results_and_gradients_are_those_of_keras(classes, dtype, channels, filters, use_bias):
    features = tf.cast(RANDOM.normal(size=(2, 6, 10, channels)), "float32")
    layer, reference = make_pair(*classes, filters, features, dtype, use_bias)
    upstream = RANDOM.normal(size=reference(features).shape)
    expected, expected_gradients = checks.with_gradients(reference, features, upstream)
    for training in (True, False):
        result, gradients = checks.with_gradients(layer, features, upstream, training=training)
        assert result.dtype == expected.dtype
        check_close(result, expected, dtype.removeprefix("mixed_"))
        for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
            check_close(gradient, expected_gradient, dtype.removeprefix("mixed_"))


@pytest.mark.parametrize("classes", LAYERS)
@pytest.mark.parametrize("channels", [1, 64])
def test_sizes_may_be_unknown(classes, channels):
    features = tf.cast(RANDOM.normal(size=(2, 6, 4, channels)), "float32")
    layer, reference = make_pair(*classes, 64, features, "mixed_bfloat16")

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, channels], "float32")])
    def gradient_of_kernel(features):
        with tf.GradientTape() as tape:
            energy = tf.reduce_sum(tf.cast(layer(features, training=True), "float32") ** 2)
        return tape.gradient(energy, layer.kernel.value)

    with tf.GradientTape() as tape:
        energy = tf.reduce_sum(tf.cast(reference(features), "float32") ** 2)
    check_close(gradient_of_kernel(features), tape.gradient(energy, reference.kernel.value), "bfloat16")


@pytest.mark.parametrize("classes", LAYERS)
@pytest.mark.parametrize("channels", [1, 6])
def test_gradients_have_gradients(classes, channels):
    features = tf.cast(RANDOM.normal(size=(2, 4, 4, channels)), "float32")
    checks.check_gradients_have_gradients(*make_pair(*classes, 3, features), features)


@pytest.mark.parametrize("strided_class", [StridedConv2D, StridedConv2DTranspose])
def test_what_is_exported_has_no_gradient_of_its_own(strided_class):
    """Servers would warn of a gradient that a SavedModel does not hold."""
    layer = strided_class(3)
    layer.build((None, None, None, 2))
    function = tf.function(lambda features: layer(features, training=False))
    graph = function.get_concrete_function(tf.TensorSpec([1, 8, 8, 2])).graph
    assert not [operation.name for operation in graph.get_operations() if operation.type == "IdentityN"]


@pytest.mark.parametrize("strided_class", [StridedConv2D, StridedConv2DTranspose])
def test_config_round_trip(strided_class):
    checks.check_config_round_trip(
        strided_class(3, use_bias=False, kernel_initializer="zeros", name="down", dtype="mixed_bfloat16")
    )
