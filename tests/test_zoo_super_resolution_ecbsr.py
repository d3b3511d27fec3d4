"""ECBSR: merged as trained, any size, tiles without seams, better than bicubic after a few steps."""

import checks
import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers.edge_convolution import EdgeConv2D
from zoo.pictures import pixels
from zoo.pictures.resize import bicubic
from zoo.super_resolution.ecbsr import ECBSR

RANDOM = np.random.default_rng(0)


def build(dtype="float32", optimizer=None, **kwargs):
    keras.utils.set_random_seed(0)
    model = ECBSR(**{"upscale_factor": 2, "depth": 2, "width": 8, "dtype": dtype, **kwargs})
    model.compile(optimizer=optimizer or keras.optimizers.Adam(3e-3), jit_compile=False)
    return model


def make_rough(model):
    for weight in model.weights:
        weight.assign(
            RANDOM.normal(scale=0.3 / np.sqrt(max(np.prod(weight.shape[:-1]), 1)), size=weight.shape)
        )


def random_images(*shape):
    return RANDOM.integers(0, 256, shape, dtype="uint8")


@pytest.fixture(scope="module")
def batch():
    """Eight pictures of 24 pixels with diagonal stripes of various widths, shrunk by two."""
    rows, columns = np.mgrid[0:24, 0:24]
    widths = np.arange(3, 11)[:, None, None]
    high_res = (255 * (((rows + columns) // widths) % 2)).astype("uint8")[..., None]
    return pixels.round_to_uint8(bicubic(high_res, 12, 12)), tf.constant(high_res)


def test_a_new_model_gives_the_bicubic_picture():
    raw_images = random_images(1, 6, 4, 1)
    expected = pixels.to_luma(bicubic(raw_images, 18, 12))
    np.testing.assert_allclose(ECBSR(upscale_factor=3)(raw_images), expected, atol=1e-3)


def test_merged_gives_the_same_with_a_sixth_of_the_weights():
    model = build()
    make_rough(model)
    merged = model.merged()
    raw_images = random_images(2, 9, 7, 3)
    np.testing.assert_allclose(merged(raw_images) / 255.0, model(raw_images) / 255.0, atol=1e-5)
    assert merged.count_params() < model.count_params() / 3
    kernels = [layer for layer in merged.network.layers if isinstance(layer, EdgeConv2D)]
    assert [len(layer.weights) for layer in kernels] == [2] * 4


def test_weights_are_as_many_as_in_the_paper():
    """ECBSR-M10C32: 1 to 32, ten times 32 to 32 and 32 to 4 channels, 3 x 3 each."""
    kernels = [w for w in ECBSR(upscale_factor=2, is_merged=True).weights if len(w.shape) == 4]
    assert sum(int(np.prod(kernel.shape)) for kernel in kernels) == 9 * (32 + 10 * 32 * 32 + 32 * 4)


@pytest.mark.parametrize("upscale_factor", [2, 3, 4])
@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (2, 9, 2, 1), (3, 11, 8, 3)])
def test_any_size_is_enlarged_by_the_factor(upscale_factor, shape):
    num, height, width, channels = shape
    upscaled = build(upscale_factor=upscale_factor).upscale(random_images(*shape))
    assert upscaled.shape == (num, upscale_factor * height, upscale_factor * width, channels)


@pytest.mark.parametrize("colour_space", ["luma", "rgb"])
def test_tiles_leave_no_seam(colour_space):
    model = build(colour_space=colour_space)
    make_rough(model)
    raw_images = random_images(1, 31, 26, 3)
    whole = model.upscale(raw_images).numpy().astype("int32")
    for tile_pixels in (100, 30 * 25):
        model.max_tile_pixels = tile_pixels * 4
        assert np.abs(model.upscale(raw_images).numpy() - whole).max() <= 1
    model.reach, model.max_tile_pixels = 1, 100 * 4
    assert np.abs(model.upscale(raw_images).numpy() - whole).max() > 1


def test_the_configuration_survives():
    checks.check_config_round_trip(build(colour_space="rgb", is_merged=True))


def test_training_beats_bicubic_on_eight_pictures(batch):
    model = build()
    checks.fit(model, batch, num_steps=100)
    logs = model.test_step(batch)
    assert float(logs["psnr"]) > float(logs["bicubic_psnr"]) + 3.0


def test_the_loss_is_the_mean_absolute_error(batch):
    model = build()
    error = (model(batch[0]) - tf.cast(batch[1], "float32")) / 255.0
    model.reset_metrics()
    assert float(model.test_step(batch)["loss"]) == pytest.approx(np.mean(np.abs(error)), rel=1e-5)


def test_save_and_load(batch, tmp_path):
    model = build()
    model.train_step(batch)
    checks.check_save_and_load(model, lambda loaded: loaded(batch[0]), tmp_path / "model.keras")


def test_every_precision_trains_like_float32(batch):
    def build_rough(policy):
        global RANDOM
        RANDOM = np.random.default_rng(1)
        model = build(policy, keras.optimizers.SGD(0.1))
        make_rough(model)
        return model

    checks.check_precision(
        build_rough, batch, last_layers=lambda model: [model.network.layers[-1]], tolerance=0.2
    )


def test_a_merged_model_can_be_trained_further():
    model = build()
    make_rough(model)
    merged = model.merged()
    unmerged = merged.unmerged()
    raw_images = random_images(2, 9, 7, 3)
    np.testing.assert_allclose(unmerged(raw_images) / 255.0, model(raw_images) / 255.0, atol=1e-5)
    assert [weight.path for weight in unmerged.weights] == [weight.path for weight in model.weights]
    assert model.unmerged() is model
