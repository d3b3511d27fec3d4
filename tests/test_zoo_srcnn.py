"""SRCNN: hand-counted weights, networks whose answer is known, and what training changes."""

import re

import checks
import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo import pixels, srcnn
from zoo.errors import UnknownNameError
from zoo.psnr import psnr
from zoo.resize import bicubic
from zoo.srcnn import SRCNN

RANDOM = np.random.default_rng(0)


def random_images(*shape):
    return RANDOM.integers(0, 256, shape, dtype="uint8")


def build(dtype="float32", optimizer=None, **kwargs):
    keras.utils.set_random_seed(0)
    model = SRCNN(dtype=dtype, **kwargs)
    model.compile(optimizer=optimizer or keras.optimizers.Adam(1e-3), jit_compile=False)
    return model


@pytest.fixture(scope="module")
def model():
    return build()


@pytest.fixture(scope="module")
def batch():
    """Eight pictures of 24 pixels with diagonal stripes of various widths, shrunk by two."""
    rows, columns = np.mgrid[0:24, 0:24]
    widths = np.arange(3, 11)[:, None, None]
    high_res = (255 * (((rows + columns) // widths) % 2)).astype("uint8")[..., None]
    return pixels.round_to_uint8(bicubic(high_res, 12, 12)), tf.constant(high_res)


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


def test_a_residual_network_of_zeros_gives_the_bicubic_picture():
    model = SRCNN(upscale_factor=3, is_residual=True)
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])
    raw_images = random_images(1, 6, 4, 1)
    np.testing.assert_allclose(model(raw_images), bicubic(raw_images, 18, 12), atol=1e-3)


def test_a_constant_picture_stays_constant_up_to_its_border(model):
    raw_images = np.full([1, 6, 9, 1], 170, "uint8")
    enlarged = model(raw_images).numpy()
    assert np.ptp(enlarged) < 1e-2


@pytest.mark.parametrize("upscale_factor", [2, 3, 4])
@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (1, 1, 13, 3), (2, 9, 2, 1), (3, 11, 8, 3)])
def test_any_size_is_enlarged_by_the_factor(upscale_factor, shape):
    model = SRCNN(upscale_factor=upscale_factor)
    raw_images = random_images(*shape)
    num, height, width, channels = shape
    height, width = upscale_factor * height, upscale_factor * width
    upscaled = model.upscale(raw_images)
    assert upscaled.dtype == "uint8"
    assert upscaled.shape == (num, height, width, channels)
    assert model(raw_images).dtype == "float32"
    assert model(raw_images).shape == (num, height, width, 1)


def test_what_is_far_away_has_no_influence(model):
    # 4 + 0 + 2 pixels of the result by the kernels, and two pixels of the input by bicubic interpolation.
    raw_images = random_images(1, 16, 16, 1)
    whole, part = model(raw_images).numpy(), model(raw_images[:, 3:, 2:]).numpy()
    reach = model.margin + 2 * 2
    np.testing.assert_allclose(whole[:, 6 + reach :, 4 + reach :], part[:, reach:, reach:], atol=1e-3)


def test_a_picture_is_enlarged_as_if_it_were_alone(model):
    raw_images = random_images(3, 7, 6, 3)
    alone = [model.upscale(raw_images[row : row + 1]) for row in range(3)]
    np.testing.assert_array_equal(model.upscale(raw_images), np.concatenate(alone))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("upscale_factor", [2, 3])
def test_strips_leave_no_seam(monkeypatch, channels, upscale_factor):
    keras.utils.set_random_seed(3)
    model = SRCNN(upscale_factor=upscale_factor, kernels="9-5-5")
    raw_images = random_images(1, 31, 6, channels)
    whole = model.upscale(raw_images).numpy()
    # Strips of four rows of the input, so that the last one is shorter.
    monkeypatch.setattr(srcnn, "MAX_STRIP_PIXELS", 4 * 6 * upscale_factor**2)
    np.testing.assert_array_equal(model.upscale(raw_images), whole)


def test_colour_is_kept():
    model = SRCNN()
    make_shifting_network(model, shift=0)
    colours = np.array([[200, 40, 90], [10, 250, 128], [0, 0, 255], [255, 255, 255]], "uint8")
    raw_images = np.broadcast_to(colours[:, None, None], (4, 3, 5, 3))
    expected = np.broadcast_to(colours[:, None, None], (4, 6, 10, 3)).astype("int32")
    assert np.abs(model.upscale(raw_images) - expected).max() <= 1


def test_only_luma_goes_through_the_network():
    model = SRCNN(is_residual=True)
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])
    model.network.layers[-1].bias.assign([20.0 / 255.0])
    raw_images = np.broadcast_to(np.array([100, 80, 60], "uint8"), (1, 4, 4, 3))
    before = pixels.rgb_to_ycbcr(raw_images)[0, 0, 0]
    after = pixels.rgb_to_ycbcr(model.upscale(raw_images))[0, 4, 4]
    np.testing.assert_allclose(after - before, [20.0, 0.0, 0.0], atol=1.0)


def test_test_step_states_psnr_and_that_of_bicubic(model, batch):
    low_res, high_res = batch
    model.reset_metrics()
    logs = model.test_step(batch)
    interpolated = pixels.round_to_uint8(bicubic(low_res, 24, 24))
    upscaled = pixels.round_to_uint8(model(low_res))
    assert float(logs["bicubic_psnr"]) == pytest.approx(np.mean(psnr(high_res, interpolated, border=2)), 1e-5)
    assert float(logs["psnr"]) == pytest.approx(np.mean(psnr(high_res, upscaled, border=2)), rel=1e-5)
    error = (model(low_res) - tf.cast(high_res, "float32")) / 255.0
    assert float(logs["loss"]) == pytest.approx(np.mean(np.square(error)), rel=1e-5)


def test_evaluation_is_a_mean_over_pictures(batch):
    checks.check_evaluation(build(), batch)


def test_a_step_changes_every_weight(batch):
    model = build()
    checks.check_step_changes(lambda: model.train_step(batch), changed=model.weights)


def test_training_beats_bicubic_on_eight_pictures(batch):
    model = build(is_residual=True)
    checks.fit(model, batch, num_steps=100)
    logs = model.test_step(batch)
    assert float(logs["psnr"]) > float(logs["bicubic_psnr"]) + 3.0


def test_config_round_trip():
    checks.check_config_round_trip(
        SRCNN(upscale_factor=4, kernels="9-3-5", is_residual=True, dtype="mixed_bfloat16", name="large")
    )


def test_save_and_load(batch, tmp_path):
    model = build(upscale_factor=2, kernels="9-3-5")
    model.train_step(batch)
    checks.check_save_and_load(model, lambda loaded: loaded(batch[0]), tmp_path / "model.keras")


def test_every_precision_trains_like_float32(batch):
    checks.check_precision(
        lambda policy: build(policy, keras.optimizers.SGD(0.1), is_residual=True),
        batch,
        last_layers=lambda model: [model.network.layers[-1]],
    )


def test_an_upscale_factor_that_no_network_is_trained_for_is_refused():
    message = (
        "`upscale_factor` must be one of (2, 3, 4): one network is trained for each. "
        "Received: upscale_factor=5."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        SRCNN(upscale_factor=5)


def test_unknown_kernels_are_answered_with_those_that_exist():
    message = "Unknown SRCNN kernels. Received: '9-9-9'. Known: 9-1-5, 9-3-5, 9-5-5."
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        SRCNN(kernels="9-9-9")
