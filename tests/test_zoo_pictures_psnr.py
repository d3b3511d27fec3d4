"""PSNR of pictures with known errors."""

import numpy as np
import pytest

from zoo.pictures.psnr import MAX_PSNR, psnr


# 20 log10(1 / error): on [0, 1] an error of 0.1 is 20 dB and one of 1 is 0 dB.
@pytest.mark.parametrize(("error", "decibels"), [(25.5, 20.0), (2.55, 40.0), (255.0, 0.0), (127.5, 6.0206)])
def test_a_constant_error(error, decibels):
    black = np.zeros([1, 5, 6, 3], "float32")
    np.testing.assert_allclose(psnr(black, black + error), [decibels], atol=1e-4)
    np.testing.assert_allclose(psnr(black + error, black), [decibels], atol=1e-4)


def test_equal_pictures_have_the_largest_psnr_and_not_infinity():
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 1), dtype="uint8")
    np.testing.assert_allclose(psnr(images, images), [MAX_PSNR] * 2, rtol=1e-6)


def test_uint8_differences_do_not_wrap_around():
    black, white = np.zeros([1, 2, 2, 1], "uint8"), np.full([1, 2, 2, 1], 255, "uint8")
    np.testing.assert_allclose(psnr(black, white), [0.0], atol=1e-4)


def test_each_picture_has_a_psnr_of_its_own():
    black = np.zeros([2, 4, 4, 1], "float32")
    errors = np.stack([black[0] + 25.5, black[0] + 2.55])
    np.testing.assert_allclose(psnr(black, errors), [20.0, 40.0], atol=1e-4)


def test_an_error_in_the_border_does_not_count():
    black = np.zeros([1, 6, 7, 1], "uint8")
    framed = np.full([1, 6, 7, 1], 200, "uint8")
    framed[:, 2:-2, 2:-2] = 0
    assert psnr(black, framed)[0] < 10
    assert psnr(black, framed, border=1)[0] < 10
    np.testing.assert_allclose(psnr(black, framed, border=2), [MAX_PSNR], rtol=1e-6)
