"""Homographies: which keep a photo's shape, and how a plane is reduced to the largest canvas."""

import numpy as np
import pytest

from zoo.stitching.geometry import apply_homography, corners_of, is_unbent, reduce_to_canvas


def scaled(x, y):
    return np.diag([x, y, 1.0])


@pytest.mark.parametrize(
    ("homography", "expected"),
    [
        (np.eye(3), True),
        (scaled(3.9, 3.9), True),
        (scaled(0.26, 0.26), True),
        (scaled(4.1, 4.1), False),
        (scaled(0.2, 0.2), False),
        (scaled(2.5, 1.0), False),
        (scaled(-1.0, 1.0), False),
        (np.array([[1, 0, 0], [0, 1, 0], [0.002, 0, 1]]), True),
        (np.array([[1, 0, 0], [0, 1, 0], [0.02, 0, 1]]), False),
        (np.array([[1, 0, 0], [0, 1, 0], [-0.02, 0, 1]]), False),
        (np.full([3, 3], np.nan), False),
    ],
)
def test_only_what_an_angle_of_view_explains_is_unbent(homography, expected):
    assert is_unbent(homography, 80, 100) is expected


def test_a_plane_is_reduced_to_the_largest_canvas_alone():
    shifted = np.array([[1.0, 0, 900], [0, 1, 0], [0, 0, 1]])
    pair = np.stack([np.eye(3), shifted])
    same, scale = reduce_to_canvas(pair, [(1000, 1000)] * 2, 2_000_000)
    assert scale == 1
    np.testing.assert_array_equal(same, pair)
    reduced, scale = reduce_to_canvas(pair, [(1000, 1000)] * 2, 500_000)
    corners = np.concatenate([apply_homography(one, corners_of(1000, 1000)) for one in reduced])
    width, height = np.ceil(corners.max(axis=0)) - np.floor(corners.min(axis=0)) + 1
    assert 480_000 < width * height <= 500_000
    assert scale == pytest.approx(reduced[0, 0, 0])
