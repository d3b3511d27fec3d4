"""Stacks of strided convolutions: their sizes and widths, and no checkerboards."""

import re

import keras
import numpy as np
import pytest

from zoo.layers import pyramid
from zoo.layers.narrow_deconvolution import NarrowConv2DTranspose
from zoo.layers.strided_convolutions import StridedConv2D, StridedConv2DTranspose


@pytest.mark.parametrize(
    ("image_size", "base", "levels"),
    [(28, 7, 2), (32, 4, 3), (40, 5, 3), (64, 4, 4), (96, 6, 4), (128, 4, 5)],
)
def test_a_picture_is_halved_down_to_the_base(image_size, base, levels):
    assert pyramid.base_size(image_size) == base
    assert pyramid.num_levels(image_size) == levels
    assert base * 2**levels == image_size


@pytest.mark.parametrize(
    ("image_size", "nearest"),
    [(100, "96, 112"), (30, "28, 32"), (7, "8"), (1, "8"), (0, "8"), (5000, "4096, 5120")],
)
def test_a_size_that_halving_cannot_reach_names_the_nearest(image_size, nearest):
    message = (
        "`image_size` must be 4 to 7 times a power of two, because the networks halve it down to a map of "
        f"that size. Received: image_size={image_size}. Nearest allowed sizes: {nearest}."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        pyramid.base_size(image_size)


def build_upsample(dtype="float32", image_size=128):
    vectors = keras.Input((3,))
    images = pyramid.upsample(vectors, image_size=image_size, channels=3, width=2, dtype=dtype, name="up")
    return keras.Model(vectors, images)


def build_downsample(batch_norm, image_size=128):
    images = keras.Input((image_size, image_size, 1))
    features = pyramid.downsample(
        images, image_size=image_size, width=2, dtype="float32", batch_norm=batch_norm, name="down"
    )
    return keras.Model(images, features)


def num_channels(model, layer_class):
    return [layer.filters for layer in model.layers if type(layer) is layer_class]


def test_channels_double_at_each_level_up_to_eight_times():
    down, up = build_downsample(batch_norm=False), build_upsample()
    assert num_channels(down, StridedConv2D) == [2, 4, 8, 16, 16]
    # The first of the widths is the dense layer's: 4 x 4 x 16.
    assert num_channels(up, StridedConv2DTranspose) == [16, 8, 4, 2]
    assert num_channels(up, NarrowConv2DTranspose) == [3]
    assert up.get_layer("up_dense").units == 4 * 4 * 16
    assert down.output.shape == (None, 4 * 4 * 16)
    assert up.output.shape == (None, 128, 128, 3)


def test_every_convolution_but_the_first_is_normalised_where_asked():
    def layer_names(model):
        return [layer.name for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]

    assert layer_names(build_downsample(batch_norm=True, image_size=64)) == [
        "down_norm_1",
        "down_norm_2",
        "down_norm_3",
    ]
    assert layer_names(build_downsample(batch_norm=False, image_size=64)) == []


def test_only_the_last_layer_of_a_mixed_stack_is_float32():
    model = build_upsample("mixed_bfloat16", image_size=28)
    assert model.output.dtype == "float32"
    dtypes = {
        layer.name: layer.compute_dtype
        for layer in model.layers
        if isinstance(layer, (keras.layers.Dense, StridedConv2DTranspose, NarrowConv2DTranspose))
    }
    assert dtypes == {"up_dense": "bfloat16", "up_conv_1": "bfloat16", "up_conv_2": "float32"}


def test_equal_kernels_leave_no_checkerboard():
    model = build_upsample(image_size=28)
    for weight in model.trainable_variables:
        weight.assign(np.full(weight.shape, 0.1))
    image = model(np.ones([1, 3]), training=False).numpy()[0]
    inside = image[4:-4, 4:-4]
    assert inside.max() > 0
    np.testing.assert_allclose(inside, inside[0, 0, 0], rtol=1e-5)
