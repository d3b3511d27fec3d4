"""Pixel conversions, against BT.601's coefficients and by round trips over all values."""

import numpy as np
import pytest

from zoo.pictures import pixels

EVERY_VALUE = np.arange(256, dtype="uint8")


@pytest.mark.parametrize("pixel_range", [pixels.UNIT_RANGE, pixels.SYMMETRIC_RANGE])
def test_every_value_survives_the_way_to_the_model_and_back(pixel_range):
    images = pixels.to_model_range(EVERY_VALUE, pixel_range)
    assert images.dtype == "float32"
    assert (float(images[0]), float(images[255])) == pixel_range
    assert (np.diff(images) > 0).all()
    raw_images = pixels.from_model_range(images, pixel_range)
    assert raw_images.dtype == "uint8"
    np.testing.assert_array_equal(raw_images, EVERY_VALUE)


def test_the_model_range_comes_in_the_dtype_asked_for():
    assert pixels.to_model_range(EVERY_VALUE, pixels.UNIT_RANGE, "bfloat16").dtype == "bfloat16"


def test_what_lies_outside_the_range_is_clipped_and_does_not_wrap_around():
    beyond = pixels.from_model_range([-1.01, -0.01, 1.01, 9.0], pixels.UNIT_RANGE)
    np.testing.assert_array_equal(beyond, [0, 0, 255, 255])
    np.testing.assert_array_equal(pixels.round_to_uint8([-0.6, 0.4, 254.6, 256.0]), [0, 0, 255, 255])


# BT.601 in its 8-bit form: Y = 16 + 65.481 R + ..., for the corners of the RGB cube.
@pytest.mark.parametrize(
    ("rgb", "luma"),
    [
        ([0, 0, 0], 16),
        ([255, 255, 255], 235),
        ([255, 0, 0], 81.481),
        ([0, 255, 0], 144.553),
        ([0, 0, 255], 40.966),
    ],
)
def test_luma_is_that_of_bt_601(rgb, luma):
    np.testing.assert_allclose(pixels.to_luma([rgb]), [[luma]], atol=1e-3)


def test_a_single_channel_is_luma_already():
    luma = pixels.to_luma(EVERY_VALUE[:, None])
    assert luma.dtype == "float32"
    np.testing.assert_array_equal(luma, EVERY_VALUE[:, None])


# 0.299 * 255 = 76.2, 0.587 * 255 = 149.7, 0.114 * 255 = 29.1.
@pytest.mark.parametrize(
    ("rgb", "grey"),
    [([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29), ([255] * 3, 255), ([90] * 3, 90)],
)
def test_rgb_becomes_grey_by_weights(rgb, grey):
    raw_image = np.array([[rgb]], "uint8")
    np.testing.assert_array_equal(pixels.match_channels(raw_image, 1), [[[grey]]])


def test_grey_becomes_rgb_and_grey_again_without_loss():
    grey = EVERY_VALUE.reshape(16, 16, 1)
    rgb = pixels.match_channels(grey, 3)
    np.testing.assert_array_equal(rgb, np.repeat(grey, 3, axis=-1))
    np.testing.assert_array_equal(pixels.match_channels(rgb, 1), grey)


def test_pictures_with_the_right_channels_are_left_alone():
    rgb = np.random.default_rng(1).integers(0, 256, (4, 4, 3), dtype="uint8")
    np.testing.assert_array_equal(pixels.match_channels(rgb, 3), rgb)
