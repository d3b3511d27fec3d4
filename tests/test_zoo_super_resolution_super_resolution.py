"""Super-resolution models in general: size, colour, tiles, training and scores."""

import re

import checks
import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import UnknownNameError
from zoo.pictures import pixels
from zoo.pictures.psnr import psnr
from zoo.pictures.resize import bicubic
from zoo.super_resolution.fsrcnn import FSRCNN
from zoo.super_resolution.srcnn import SRCNN

MODELS = {"srcnn": SRCNN, "fsrcnn": FSRCNN}
RANDOM = np.random.default_rng(0)


def random_images(*shape):
    return RANDOM.integers(0, 256, shape, dtype="uint8")


@pytest.fixture(params=MODELS)
def model_class(request):
    return MODELS[request.param]


@pytest.fixture
def build(model_class):
    def build(dtype="float32", optimizer=None, **kwargs):
        keras.utils.set_random_seed(0)
        model = model_class(dtype=dtype, **kwargs)
        model.compile(optimizer=optimizer or keras.optimizers.Adam(1e-3), jit_compile=False)
        return model

    return build


def set_to_zero(model):
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])


def make_rough(model):
    """Gives every weight a value that shows in the picture."""
    for weight in model.weights:
        if len(weight.shape) > 1:
            weight.assign(RANDOM.normal(scale=1.0 / np.sqrt(np.prod(weight.shape[:-1])), size=weight.shape))
    model.network.layers[-1].bias.assign([0.0 if model.is_residual else 0.5] * model.channels)


@pytest.fixture(scope="module")
def batch():
    """Eight pictures of 24 pixels with diagonal stripes of various widths, shrunk by two."""
    rows, columns = np.mgrid[0:24, 0:24]
    widths = np.arange(3, 11)[:, None, None]
    high_res = (255 * (((rows + columns) // widths) % 2)).astype("uint8")[..., None]
    return pixels.round_to_uint8(bicubic(high_res, 12, 12)), tf.constant(high_res)


@pytest.mark.parametrize("colour_space", ["luma", "rgb"])
def test_a_residual_network_of_zeros_gives_the_bicubic_picture(model_class, colour_space):
    model = model_class(upscale_factor=3, is_residual=True, colour_space=colour_space)
    set_to_zero(model)
    raw_images = random_images(1, 6, 4, 3)
    expected = bicubic(raw_images, 18, 12)
    np.testing.assert_allclose(
        model(raw_images), pixels.to_luma(expected) if colour_space == "luma" else expected, atol=1e-3
    )
    upscaled = model.upscale(raw_images).numpy().astype("int32")
    assert np.abs(upscaled - pixels.round_to_uint8(expected)).max() <= 1


def test_a_constant_picture_stays_constant_up_to_its_border(model_class):
    keras.utils.set_random_seed(0)
    model = model_class(upscale_factor=2)
    enlarged = model(np.full([1, 6, 9, 1], 170, "uint8")).numpy()
    # A deconvolution may tell subpixels apart, but not one pixel from another.
    for row in range(2):
        for column in range(2):
            assert np.ptp(enlarged[:, row::2, column::2]) < 1e-2


@pytest.mark.parametrize("upscale_factor", [2, 3, 4])
@pytest.mark.parametrize("colour_space", ["luma", "rgb"])
@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (1, 1, 13, 3), (2, 9, 2, 1), (3, 11, 8, 3)])
def test_any_size_is_enlarged_by_the_factor(model_class, upscale_factor, colour_space, shape):
    model = model_class(upscale_factor=upscale_factor, colour_space=colour_space)
    raw_images = random_images(*shape)
    num, height, width, channels = shape
    height, width = upscale_factor * height, upscale_factor * width
    upscaled = model.upscale(raw_images)
    assert upscaled.dtype == "uint8"
    assert upscaled.shape == (num, height, width, channels)


@pytest.mark.parametrize("colour_space", ["luma", "rgb"])
def test_call_gives_what_the_network_enlarges(model_class, colour_space):
    enlarged = model_class(upscale_factor=2, colour_space=colour_space)(random_images(2, 5, 4, 3))
    checks.check_images(enlarged, (2, 10, 8, 1 if colour_space == "luma" else 3), -500.0, 800.0)


@pytest.mark.parametrize("is_residual", [False, True])
def test_grey_is_enlarged_as_called(model_class, is_residual):
    model = model_class(is_residual=is_residual)
    make_rough(model)
    raw_images = random_images(2, 5, 7, 1)
    difference = model.upscale(raw_images).numpy().astype("int32") - pixels.round_to_uint8(model(raw_images))
    assert np.abs(difference).max() <= 1


def test_a_picture_is_enlarged_as_if_it_were_alone(model_class):
    model = model_class()
    raw_images = random_images(3, 7, 6, 3)
    alone = [model.upscale(raw_images[row : row + 1]) for row in range(3)]
    np.testing.assert_array_equal(model.upscale(raw_images), np.concatenate(alone))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("upscale_factor", "is_residual"), [(2, True), (3, False), (4, True)])
def test_tiles_leave_no_seam(model_class, channels, upscale_factor, is_residual):
    keras.utils.set_random_seed(3)
    model = model_class(upscale_factor=upscale_factor, is_residual=is_residual)
    make_rough(model)
    raw_images = random_images(1, 31, 26, channels)
    whole = model.upscale(raw_images).numpy().astype("int32")
    assert np.ptp(whole) > 100
    for tile_pixels in (100, 30 * 25):
        model.max_tile_pixels = tile_pixels * upscale_factor**2
        assert np.abs(model.upscale(raw_images).numpy() - whole).max() <= 1


def test_tiles_that_see_less_than_the_network_would_leave_seams(model_class):
    model = model_class(upscale_factor=2, is_residual=True)
    make_rough(model)
    raw_images = random_images(1, 20, 20, 1)
    whole = model.upscale(raw_images).numpy().astype("int32")
    model.reach, model.max_tile_pixels = 1, 100 * 2**2
    assert np.abs(model.upscale(raw_images).numpy() - whole).max() > 1


def to_ycbcr(rgb) -> np.ndarray:
    """BT.601, as Pillow converts, but to the range of video: Y in [16, 235], Cb and Cr in [16, 240]."""
    red, green, blue = np.asarray(rgb, "float64") / 255
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return np.array([16 + 219 * luma, 128 + 112 * (blue - luma) / 0.886, 128 + 112 * (red - luma) / 0.701])


def test_only_luma_goes_through_the_network(model_class):
    model = model_class(is_residual=True)
    set_to_zero(model)
    model.network.layers[-1].bias.assign([20.0 / 255.0])
    raw_images = np.broadcast_to(np.array([100, 80, 60], "uint8"), (1, 4, 4, 3))
    before = to_ycbcr(raw_images[0, 0, 0])
    after = to_ycbcr(model.upscale(raw_images)[0, 4, 4])
    np.testing.assert_allclose(after - before, [20.0, 0.0, 0.0], atol=1.0)


def test_rgb_goes_through_the_network_channel_by_channel(model_class):
    model = model_class(is_residual=True, colour_space="rgb")
    set_to_zero(model)
    model.network.layers[-1].bias.assign(np.array([20.0, -10.0, 0.0]) / 255.0)
    raw_images = np.broadcast_to(np.array([100, 80, 60], "uint8"), (1, 4, 4, 3))
    assert model.upscale(raw_images)[0, 4, 4].numpy().tolist() == [120, 70, 60]


def test_test_step_states_psnr_and_that_of_bicubic(build, batch):
    model = build()
    low_res, high_res = batch
    model.reset_metrics()
    logs = model.test_step(batch)
    interpolated = pixels.round_to_uint8(bicubic(low_res, 24, 24))
    upscaled = pixels.round_to_uint8(model(low_res))
    assert float(logs["bicubic_psnr"]) == pytest.approx(np.mean(psnr(high_res, interpolated, border=2)), 1e-5)
    assert float(logs["psnr"]) == pytest.approx(np.mean(psnr(high_res, upscaled, border=2)), rel=1e-5)
    error = (model(low_res) - tf.cast(high_res, "float32")) / 255.0
    assert float(logs["loss"]) == pytest.approx(np.mean(np.square(error)), rel=1e-5)


def test_evaluation_is_a_mean_over_pictures(build, batch):
    checks.check_evaluation(build(), batch)


def test_a_step_changes_every_weight(build, batch):
    model = build()
    checks.check_step_changes(lambda: model.train_step(batch), changed=model.trainable_weights)


def test_training_beats_bicubic_on_eight_pictures(build, batch):
    model = build(is_residual=True)
    checks.fit(model, batch, num_steps=100)
    logs = model.test_step(batch)
    assert float(logs["psnr"]) > float(logs["bicubic_psnr"]) + 3.0


def test_save_and_load(build, batch, tmp_path):
    model = build(is_residual=True, colour_space="luma")
    model.train_step(batch)
    checks.check_save_and_load(model, lambda loaded: loaded(batch[0]), tmp_path / "model.keras")


def test_every_precision_trains_like_float32(build, batch):
    checks.check_precision(
        lambda policy: build(policy, keras.optimizers.SGD(0.1), is_residual=True),
        batch,
        last_layers=lambda model: [model.network.layers[-1]],
    )


def test_an_upscale_factor_that_no_network_is_trained_for_is_refused(model_class):
    message = (
        "`upscale_factor` must be one of (2, 3, 4): one network is trained for each. "
        "Received: upscale_factor=5. Choose one of these factors."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        model_class(upscale_factor=5)


def test_rgb_is_scored_on_luma(model_class, batch):
    model = model_class(is_residual=True, colour_space="rgb")
    model.compile(optimizer="sgd", jit_compile=False)
    set_to_zero(model)
    colour = [tf.cast(tf.cast(images, "float32") * [1.0, 0.5, 0.2], "uint8") for images in batch]
    logs = model.test_step(colour)
    expected = pixels.round_to_uint8(bicubic(colour[0], 24, 24))
    lumas = [pixels.round_to_uint8(pixels.to_luma(images)) for images in (colour[1], expected)]
    assert float(logs["psnr"]) == pytest.approx(np.mean(psnr(*lumas, border=2)), abs=0.01)


def test_an_unknown_colour_space_is_answered_with_those_that_exist(model_class):
    message = "Unknown colour space. Received: 'cmyk'. Known: luma, rgb."
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        model_class(colour_space="cmyk")
