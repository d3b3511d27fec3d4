"""Narrow convolutions against Keras' own layers: the same weights, results and gradients."""

import checks
import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import WrongUsageError
from zoo.layers.narrow_convolutions import NarrowConv2D, narrow_conv2d
from zoo.layers.narrow_deconvolution import NarrowConv2DTranspose

RANDOM = np.random.default_rng(0)
DEPTH = 6


def features_of(height=11, width=10, dtype="float32"):
    return tf.cast(RANDOM.normal(size=(2, height, width, DEPTH)), dtype)


def check_equal(layer, reference, features):
    """Results and gradients are those of the reference with the same weights, in training and outside."""
    reference(features)
    layer.build(features.shape)
    weights = [RANDOM.normal(size=weight.shape) for weight in reference.get_weights()]
    reference.set_weights(weights)
    layer.set_weights(weights)
    upstream = tf.cast(RANDOM.normal(size=reference(features).shape), "float32")
    expected, expected_gradients = checks.with_gradients(reference, features, upstream)
    for training in (True, False):
        result, gradients = checks.with_gradients(layer, features, upstream, training=training)
        np.testing.assert_allclose(result, expected, atol=1e-4)
        for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
            np.testing.assert_allclose(gradient, expected_gradient, atol=2e-3, rtol=1e-4)
    assert layer.compute_output_shape(features.shape) == tuple(expected.shape)
    assert layer.compute_output_shape((None, None, None, DEPTH)) == (None, None, None, layer.filters)


@pytest.mark.parametrize(("height", "width"), [(11, 10), (5, 5), (8, 24)])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("filters", [1, 3, 17])
def test_convolution_equals_that_of_keras(height, width, kernel_size, filters):
    for padding in ("valid", "same"):
        reference = keras.layers.Conv2D(filters, kernel_size, padding=padding)
        check_equal(NarrowConv2D(filters, kernel_size, padding), reference, features_of(height, width))


@pytest.mark.parametrize(("kernel_size", "factor"), [(4, 2), (9, 3), (3, 2), (5, 4)])
@pytest.mark.parametrize("filters", [1, 3])
def test_deconvolution_equals_that_of_keras(kernel_size, factor, filters):
    reference = keras.layers.Conv2DTranspose(filters, kernel_size, strides=factor, padding="same")
    check_equal(NarrowConv2DTranspose(filters, kernel_size, factor), reference, features_of(7, 5))


def test_convolution_of_unknown_sizes_equals_that_of_known_ones():
    kernel = tf.cast(RANDOM.normal(size=(5, 5, DEPTH, 1)), "float32")
    signature = [tf.TensorSpec([None, None, None, DEPTH], "float32")]
    convolve = tf.function(lambda features: narrow_conv2d(features, kernel), input_signature=signature)
    for height, width in ((5, 5), (9, 14), (12, 8)):
        features = features_of(height, width)
        np.testing.assert_allclose(convolve(features), narrow_conv2d(features, kernel), atol=1e-4)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_result_is_float32_and_gradients_have_the_dtype_of_their_tensors(dtype):
    for layer in (NarrowConv2DTranspose(1, 4, 2), NarrowConv2D(1, 3)):
        features = features_of(dtype=dtype)
        upstream = tf.ones(layer.compute_output_shape(features.shape))
        result, gradients = checks.with_gradients(layer, features, upstream, training=True)
        assert (result.dtype, *(gradient.dtype for gradient in gradients)) == (
            "float32",
            dtype,
            "float32",
            "float32",
        )
    exact = tf.nn.conv2d(tf.cast(features, "float32"), layer.kernel, 1, "VALID")
    np.testing.assert_allclose(result, exact, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "reference"),
    [
        (NarrowConv2D(1, 3), keras.layers.Conv2D(1, 3)),
        (NarrowConv2DTranspose(1, 4, 2), keras.layers.Conv2DTranspose(1, 4, 2, "same")),
    ],
)
def test_gradients_have_gradients(layer, reference):
    """Penalties of gradients go through the generator's last layer where pictures are not real."""
    features = features_of(5, 5)
    for convolution in (layer, reference):
        convolution.build(features.shape)
    layer.set_weights(reference.get_weights())
    checks.check_gradients_have_gradients(layer, reference, features)


@pytest.mark.parametrize("layer", [NarrowConv2D(1, 3), NarrowConv2DTranspose(1, 4, 2)])
def test_what_is_exported_has_no_gradient_of_its_own(layer):
    """Servers would warn of a gradient that a SavedModel does not hold."""
    layer.build((None, None, None, DEPTH))
    function = tf.function(lambda features: layer(features, training=False))
    graph = function.get_concrete_function(tf.TensorSpec([1, 8, 8, DEPTH])).graph
    assert not [operation.name for operation in graph.get_operations() if operation.type == "IdentityN"]


def test_kernel_below_the_stride_is_refused():
    with pytest.raises(WrongUsageError, match="Received: kernel_size=3, upscale_factor=4"):
        NarrowConv2DTranspose(1, 3, 4)


@pytest.mark.parametrize(("kernel_size", "padding"), [(3, "full"), (4, "same")])
def test_wrong_padding_is_refused(kernel_size, padding):
    with pytest.raises(WrongUsageError, match=f"Received: padding='{padding}', kernel_size={kernel_size}"):
        NarrowConv2D(1, kernel_size, padding)


def test_config_round_trip():
    checks.check_config_round_trip(NarrowConv2D(3, 5, "same", kernel_initializer="zeros", name="last"))
    checks.check_config_round_trip(NarrowConv2DTranspose(3, 4, 2, name="last"))
