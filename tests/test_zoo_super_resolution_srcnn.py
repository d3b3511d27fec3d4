"""SRCNN: weights counted by hand, and networks whose output is known.

Tests shared with other super-resolution models: tests/test_zoo_super_resolution_super_resolution.py.
"""

import re

import checks
import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import UnknownNameError
from zoo.pictures.resize import bicubic
from zoo.super_resolution.srcnn import SRCNN

RANDOM = np.random.default_rng(0)


def random_images(*shape):
    return RANDOM.integers(0, 256, shape, dtype="uint8")


# 9 x 9 x 1 x 64 + k x k x 64 x 32 + 5 x 5 x 32 x 1 weights, and 64 + 32 + 1 biases.
@pytest.mark.parametrize(("kernels", "num_weights"), [("9-1-5", 8_032), ("9-3-5", 24_416), ("9-5-5", 57_184)])
def test_weights_are_as_many_as_in_the_paper(kernels, num_weights):
    assert SRCNN(kernels=kernels).count_params() == num_weights + 97


def make_shifting_network(model, shift):
    """Sets the weights so that the network copies each pixel from `shift` pixels further up and left."""
    for layer in model.network.layers[1:]:
        kernel, bias = (np.zeros(weight.shape) for weight in layer.weights)
        middle = kernel.shape[0] // 2
        is_first = layer.name == "patch_extraction"
        kernel[(middle - shift, middle - shift, 0, 0) if is_first else (middle, middle, 0, 0)] = 1.0
        layer.set_weights([kernel, bias])


@pytest.mark.parametrize("kernels", ["9-1-5", "9-3-5", "9-5-5"])
@pytest.mark.parametrize("upscale_factor", [2, 3, 4])
def test_a_network_that_copies_its_input_gives_the_bicubic_picture(kernels, upscale_factor):
    model = SRCNN(upscale_factor=upscale_factor, kernels=kernels)
    make_shifting_network(model, shift=0)
    raw_images = random_images(2, 5, 7, 1)
    interpolated = bicubic(raw_images, 5 * upscale_factor, 7 * upscale_factor)
    # The rectifiers cut what bicubic interpolation makes darker than black.
    np.testing.assert_allclose(model(raw_images), tf.nn.relu(interpolated), atol=1e-3)


def test_pictures_are_padded_by_repeating_their_edge():
    model = SRCNN(kernels="9-1-5")
    make_shifting_network(model, shift=4)
    raw_images = random_images(1, 6, 5, 1)
    interpolated = tf.nn.relu(bicubic(raw_images, 12, 10)).numpy()
    expected = np.pad(interpolated, ((0, 0), (4, 0), (4, 0), (0, 0)), mode="edge")[:, :12, :10]
    np.testing.assert_allclose(model(raw_images), expected, atol=1e-3)


def test_what_is_far_away_has_no_influence():
    model = SRCNN()
    # 4 + 0 + 2 pixels of the result by the kernels, and two pixels of the input by bicubic interpolation.
    raw_images = random_images(1, 16, 16, 1)
    whole, part = model(raw_images).numpy(), model(raw_images[:, 3:, 2:]).numpy()
    reach = model.margin + 2 * 2
    np.testing.assert_allclose(whole[:, 6 + reach :, 4 + reach :], part[:, reach:, reach:], atol=1e-3)


def test_colour_is_kept():
    model = SRCNN()
    make_shifting_network(model, shift=0)
    colours = np.array([[200, 40, 90], [10, 250, 128], [0, 0, 255], [255, 255, 255]], "uint8")
    raw_images = np.broadcast_to(colours[:, None, None], (4, 3, 5, 3))
    expected = np.broadcast_to(colours[:, None, None], (4, 6, 10, 3)).astype("int32")
    assert np.abs(model.upscale(raw_images) - expected).max() <= 1


def test_config_round_trip():
    checks.check_config_round_trip(
        SRCNN(upscale_factor=4, kernels="9-3-5", is_residual=True, colour_space="rgb", dtype="mixed_bfloat16")
    )


def test_unknown_kernels_are_answered_with_those_that_exist():
    message = "Unknown SRCNN kernels. Received: '9-9-9'. Known: 9-1-5, 9-3-5, 9-5-5."
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        SRCNN(kernels="9-9-9")
