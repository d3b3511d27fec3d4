"""Measures of masks and colours: numbers worked out by hand, and the published pairs of CIEDE2000."""

import numpy as np
import pytest

from training.evaluation.measures.colour_difference import ciede2000, to_lab
from training.evaluation.measures.mask_scores import boundary_f, iou, max_f, mean_absolute_error
from training.evaluation.measures.recolour_scores import score_recolouring

# [CIEDE2000] table 1.
PAIRS = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
    ((50, 2.8361, -74.0200), (50, 0, -82.7485), 3.4412),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((50, 2.4900, -0.0010), (50, -2.4900, 0.0009), 7.1792),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (50, 3.2592, 0.3350), 1.0000),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("lab", "other", "difference"), PAIRS)
def test_published_differences(lab, other, difference):
    for pair in ((lab, other), (other, lab)):
        assert ciede2000(*map(np.array, pair)) == pytest.approx(difference, abs=1e-4)


def test_lab_of_primaries():
    # Values of the sRGB primaries under D65, as colour calculators give them.
    red, blue = to_lab(np.array([[255, 0, 0], [0, 0, 255]], "uint8"))
    np.testing.assert_allclose(red, [53.24, 80.09, 67.20], atol=0.02)
    np.testing.assert_allclose(blue, [32.30, 79.19, -107.86], atol=0.02)


@pytest.fixture
def square():
    mask = np.zeros([30, 30], "uint8")
    mask[10:20, 10:20] = 255
    return mask


def test_overlap_and_error_are_shares_of_pixels(square):
    moved = np.roll(square, 5, axis=0)
    assert iou(moved, square) == pytest.approx(50 / 150)
    assert mean_absolute_error(moved, square) == pytest.approx(100 / 900)
    assert iou(0 * square, 0 * square) == 1.0
    assert iou(square, 0 * square) == 0.0


def test_f_is_that_of_the_best_threshold(square):
    # Right above 100, twice as much above 50: the better threshold counts.
    soft = np.where(square > 0, 150, 0).astype("uint8")
    soft[0:10, 10:20] = 70
    assert max_f(soft, square) == 1.0
    assert max_f((soft > 0) * np.uint8(255), square) == pytest.approx(1.3 * 0.5 / (0.3 * 0.5 + 1.0))


@pytest.mark.parametrize(("shift", "score"), [(0, 1.0), (2, 1.0), (12, 0.0)])
def test_outlines_may_be_two_pixels_off(square, shift, score):
    moved = np.roll(square, shift, axis=1)
    assert boundary_f(moved, square) == score


def test_outlines_of_nothing(square):
    assert boundary_f(0 * square, 0 * square) == 1.0
    assert boundary_f(square, 0 * square) == 0.0


def test_recolouring_is_scored_inside_and_outside(square):
    random = np.random.default_rng(0)
    photo = random.integers(100, 140, [30, 30, 1]).repeat(3, axis=2).astype("uint8")
    result = photo.copy()
    result[10:20, 10:20] = (200, 30, 40)
    result[:5] = 255
    scores = score_recolouring(photo, result, square, (200, 30, 40))
    assert scores["target_difference"] == scores["pixel_difference"] == 0.0
    assert np.isnan(scores["gradient_correlation"])  # painted flat
    # Five rows of thirty, of a ground without the square and a border of two around it.
    assert scores["ground_visible_share"] == pytest.approx(150 / (900 - 14 * 14 + 4 * 3), abs=0.01)
    assert scores["ground_difference"] > 5.0
