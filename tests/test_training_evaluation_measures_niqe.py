"""NIQE: fits to distributions with known parameters, and pictures less natural than others."""

import numpy as np
import pytest

from training.evaluation.measures.niqe import (
    fit_asymmetric_gaussian,
    fit_generalised_gaussian,
    fit_natural_pictures,
    normalised_contrasts,
)


def draw_pictures(num, seed, size=64, channels=1):
    """Smooth blobs with a little grain: something to learn."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    pictures = []
    for _ in range(num):
        waves = sum(
            np.sin(rows * a + columns * b + phase) for a, b, phase in random.uniform(0.05, 0.6, (6, 3))
        )
        picture = 128 + 20 * waves + random.normal(size=(size, size)) * 3
        pictures.append(np.repeat(picture[..., None].clip(0, 255).astype("uint8"), channels, axis=2))
    return pictures


def test_normal_values_have_shape_2():
    values = np.random.default_rng(0).normal(scale=3.0, size=(2, 100_000))
    # The density exp(-(x / scale)^shape) of a normal one has a scale of sqrt(2) deviations.
    np.testing.assert_allclose(fit_generalised_gaussian(values), [[2.0, 3.0 * np.sqrt(2)]] * 2, rtol=0.03)


def test_laplace_values_have_shape_1():
    values = np.random.default_rng(1).laplace(scale=3.0, size=(1, 100_000))
    np.testing.assert_allclose(fit_generalised_gaussian(values), [[1.0, 3.0]], rtol=0.03)


def test_sides_of_their_own():
    # Half normal with deviation 1 to the left, 3 to the right, as often as their scales: density is smooth.
    random = np.random.default_rng(2)
    left, right = -abs(random.normal(size=50_000)), 3.0 * abs(random.normal(size=150_000))
    ((shape, mean, left_scale, right_scale),) = fit_asymmetric_gaussian(np.concatenate([left, right])[None])
    assert shape == pytest.approx(2.0, rel=0.05)
    assert left_scale == pytest.approx(np.sqrt(2), rel=0.05)
    assert right_scale == pytest.approx(3 * np.sqrt(2), rel=0.05)
    # (right - left) gamma(1) / gamma(1/2): the mean of that density is 2 / sqrt(2 pi) * (9 - 1) / 4.
    assert mean == pytest.approx(2 * np.sqrt(2) / np.sqrt(np.pi), rel=0.05)


def test_contrast_of_one_pixel():
    luma = np.full((15, 15), 100.0)
    luma[7, 7] = 200.0
    contrasts, deviations = normalised_contrasts(luma)
    weights = np.exp(-0.5 * (np.arange(-3, 4) / (7 / 6)) ** 2)
    weight = (weights[3] / weights.sum()) ** 2
    deviation = 100.0 * np.sqrt(weight - weight**2)
    assert deviations[7, 7] == pytest.approx(deviation)
    assert contrasts[7, 7] == pytest.approx(100.0 * (1 - weight) / (deviation + 1.0))
    assert abs(contrasts[0, 0]) < 1e-9


def test_other_pictures_of_the_kind_are_natural_and_spoilt_ones_less_so():
    natural = fit_natural_pictures(draw_pictures(60, seed=0))
    assert natural.patch_size == 64
    assert natural.score(draw_pictures(60, seed=0)) == pytest.approx(0.0, abs=1e-6)
    others = draw_pictures(60, seed=1)
    random = np.random.default_rng(3)
    noisy = [(image + random.normal(size=image.shape) * 20).clip(0, 255).astype("uint8") for image in others]
    blocky = [np.kron(image[::4, ::4], np.ones((4, 4, 1), "uint8")) for image in others]
    same = natural.score(others)
    assert same < natural.score(noisy)
    assert same < natural.score(blocky)


def test_colour_counts_as_luma_and_large_pictures_have_several_patches():
    natural = fit_natural_pictures(draw_pictures(3, seed=0, size=200, channels=3))
    assert natural.patch_size == 96
    assert np.isfinite(natural.score(draw_pictures(1, seed=4, size=200, channels=3)))


def test_28_pixels_are_refused():
    with pytest.raises(ValueError, match="NIQE needs pictures of at least 32 pixels.*a side of 28 pixels"):
        fit_natural_pictures(draw_pictures(3, seed=0, size=28))


def test_flat_pictures_are_refused():
    natural = fit_natural_pictures(draw_pictures(9, seed=0))
    with pytest.raises(
        ValueError, match="at least two patches of 64 x 64 pixels with contrast. Received: 0."
    ):
        natural.score([np.full((64, 64, 1), 128, "uint8")] * 5)
