"""Subpixel layers against antialiased bicubic interpolation and Keras' own deconvolution."""

import checks
import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers.subpixels import Deconvolution, bicubic_subpixels, from_picture, to_picture
from zoo.pictures.resize import bicubic

RANDOM = np.random.default_rng(0)
FACTORS = (2, 3, 4)


def test_subpixels_of_a_pixel_are_put_side_by_side():
    subpixels = tf.reshape(tf.range(8.0), [1, 1, 2, 4])
    picture = to_picture(subpixels, 2)
    assert picture[0, :, :, 0].numpy().tolist() == [[0, 1, 4, 5], [2, 3, 6, 7]]
    np.testing.assert_array_equal(from_picture(picture, 2), subpixels)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (1, 2, 3, 1), (2, 9, 7, 3), (1, 1, 40, 1), (1, 30, 20, 3)])
def test_bicubic_is_that_of_the_papers_up_to_the_border(factor, shape):
    raw_images = RANDOM.integers(0, 256, shape, dtype="uint8")
    expected = bicubic(raw_images, shape[1] * factor, shape[2] * factor)
    enlarged = to_picture(bicubic_subpixels(raw_images, factor), factor)
    np.testing.assert_allclose(enlarged, expected, atol=1e-3)


@pytest.mark.parametrize("shape", [(2, 24, 24, 1), (2, None, None, 1)])
def test_bicubic_survives_the_graph_optimizer_with_known_and_with_unknown_sizes(shape):
    raw_images = RANDOM.integers(0, 256, (2, 24, 24, 1)).astype("float32")
    enlarge = tf.function(
        lambda images: bicubic_subpixels(images, 3), input_signature=[tf.TensorSpec(shape, "float32")]
    )
    np.testing.assert_allclose(enlarge(raw_images), bicubic_subpixels(raw_images, 3), atol=1e-3)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize(("kernel_size", "filters"), [(9, 1), (9, 3), (5, 1), (4, 2)])
def test_deconvolution_equals_that_of_keras(factor, kernel_size, filters):
    features = RANDOM.normal(size=(2, 6, 5, 7)).astype("float32")
    reference = keras.layers.Conv2DTranspose(filters, kernel_size, strides=factor, padding="same")
    expected = reference(features)
    layer = Deconvolution(filters, kernel_size, factor)
    margin = layer.margin
    layer.build((None, None, None, 7))
    layer.set_weights([reference.get_weights()[0], RANDOM.normal(size=filters)])
    padded = np.pad(features, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    subpixels = layer(padded)
    assert subpixels.shape == layer.compute_output_shape(padded.shape)
    np.testing.assert_allclose(to_picture(subpixels, factor) - layer.bias, expected, atol=1e-5)


@pytest.mark.parametrize("factor", FACTORS)
def test_deconvolution_lies_on_the_grid_of_bicubic_interpolation(factor):
    """Linear and bicubic interpolation agree on a ramp; half a pixel beside it they would not."""
    layer = Deconvolution(1, 9, factor)
    layer.build((None, None, None, 1))
    middle = (9 - factor) // 2 + (factor - 1) / 2  # of a low-res pixel, on the kernel's grid
    line = np.maximum(0.0, 1.0 - np.abs(np.arange(9) - middle) / factor)
    layer.set_weights([np.outer(line, line)[:, :, np.newaxis, np.newaxis], np.zeros(1)])
    rows, columns = np.mgrid[0:12, 0:14]
    ramp = (7.0 * rows + 3.0 * columns)[np.newaxis, :, :, np.newaxis].astype("float32")
    enlarged = to_picture(layer(ramp), factor)
    cut = layer.margin * factor
    expected = bicubic(ramp, 12 * factor, 14 * factor)[:, cut:-cut, cut:-cut]
    inner = slice(2 * factor, -2 * factor)
    np.testing.assert_allclose(enlarged[:, inner, inner], expected[:, inner, inner], atol=1e-3)


def test_deconvolution_config_round_trip():
    checks.check_config_round_trip(Deconvolution(3, 9, 2, kernel_initializer="zeros", name="last"))
