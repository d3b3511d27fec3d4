"""FSRCNN: weights counted by hand, and a network whose output is known.

Tests shared with other super-resolution models: tests/test_zoo_super_resolution_super_resolution.py.
"""

import checks
import keras
import numpy as np
import pytest

from zoo.layers.subpixels import Deconvolution
from zoo.pictures.resize import bicubic
from zoo.super_resolution.fsrcnn import FSRCNN, BoundedPReLU


def test_weights_are_as_many_as_in_the_paper():
    """5 x 5 x 56, 56 x 12, four times 3 x 3 x 12 x 12, 12 x 56 and 9 x 9 x 56 weights: 12,464."""
    model = FSRCNN(upscale_factor=3)
    kernels = [weight for weight in model.weights if len(weight.shape) == 4]
    assert sum(int(np.prod(kernel.shape)) for kernel in kernels) == 12_464
    # A bias for each channel, and a slope for each but that of the deconvolution.
    assert model.count_params() == 12_464 + (56 + 12 + 4 * 12 + 56 + 1) + (56 + 12 + 4 * 12 + 56)


def test_the_published_layers_follow_one_another():
    layers = [layer for layer in FSRCNN().network.layers if layer.weights]
    sizes = [layer.kernel.shape[0] if hasattr(layer, "kernel") else None for layer in layers]
    assert sizes == [5, None, 1, None, 3, None, 3, None, 3, None, 3, None, 1, None, 9]
    assert isinstance(layers[-1], Deconvolution)
    assert layers[-1].dtype_policy.name == "float32"


def test_slopes_are_those_of_keras_up_to_one():
    features = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    layer, reference = BoundedPReLU(), keras.layers.PReLU(shared_axes=[1, 2])
    for prelu in (layer, reference):
        prelu.build((None, None, None, 5))
    slopes = np.array([-0.5, 0.0, 0.25, 1.0, 1.5], "float32").reshape(1, 1, 5)
    layer.set_weights([slopes])
    reference.set_weights([np.minimum(slopes, 1.0)])
    np.testing.assert_allclose(layer(features), reference(features), rtol=1e-6)
    config = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer)).get_config()
    assert config == layer.get_config()


def make_interpolating_network(model):
    """Sets the weights so that one channel is passed on to a deconvolution that interpolates linearly."""
    factor = model.upscale_factor
    for layer in model.network.layers[1:]:
        weights = [np.zeros(weight.shape) for weight in layer.weights]
        if weights and weights[0].ndim == 4:
            middle = weights[0].shape[0] // 2
            weights[0][middle, middle, 0, 0] = 1.0
        layer.set_weights(weights)
    kernel = np.zeros((9, 9, 1, 56))
    middle = (9 - factor) // 2 + (factor - 1) / 2
    line = np.maximum(0.0, 1.0 - np.abs(np.arange(9) - middle) / factor)
    kernel[:, :, 0, 0] = np.outer(line, line)
    model.network.layers[-1].set_weights([kernel, np.zeros(1)])


@pytest.mark.parametrize("upscale_factor", [2, 3, 4])
def test_its_picture_lies_on_the_grid_of_bicubic_interpolation(upscale_factor):
    """On a ramp, linear and bicubic interpolation agree; half a pixel beside it they would not."""
    model = FSRCNN(upscale_factor=upscale_factor, is_residual=False)
    make_interpolating_network(model)
    rows, columns = np.mgrid[0:12, 0:14]
    ramp = (8 * rows + 5 * columns)[np.newaxis, :, :, np.newaxis].astype("uint8")
    expected = bicubic(ramp, 12 * upscale_factor, 14 * upscale_factor)
    inner = slice(2 * upscale_factor, -2 * upscale_factor)
    np.testing.assert_allclose(model(ramp)[:, inner, inner], expected[:, inner, inner], atol=1e-2)


@pytest.mark.parametrize("upscale_factor", [2, 3, 4])
def test_what_is_far_away_has_no_influence(upscale_factor):
    model = FSRCNN(upscale_factor=upscale_factor)
    random = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(random.normal(scale=0.3, size=weight.shape))
    raw_images = random.integers(0, 256, (1, 24, 24, 1), dtype="uint8")
    whole, part = model(raw_images).numpy(), model(raw_images[:, 3:, 2:]).numpy()
    whole, cut = whole[:, 3 * upscale_factor :, 2 * upscale_factor :], model.reach * upscale_factor
    scale = np.abs(whole).max()
    np.testing.assert_allclose(whole[:, cut:, cut:] / scale, part[:, cut:, cut:] / scale, atol=1e-5)


def test_config_round_trip():
    checks.check_config_round_trip(
        FSRCNN(upscale_factor=4, is_residual=True, colour_space="rgb", dtype="mixed_bfloat16", name="fast")
    )
