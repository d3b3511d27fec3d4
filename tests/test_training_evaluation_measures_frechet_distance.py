"""Frechet distances computed by hand."""

import re

import numpy as np
import pytest

from training.evaluation.measures.frechet_distance import frechet_distance


def correlated(seed, num=50, length=4):
    random = np.random.default_rng(seed)
    return random.normal(size=(num, length)) @ random.normal(size=(length, length))


def test_equal_sets_have_no_distance():
    features = correlated(0)
    assert frechet_distance(features, features) == pytest.approx(0.0, abs=1e-9)


# In one dimension it is (m1 - m2)^2 + (s1 - s2)^2. [0, 2] has mean 1 and deviation sqrt 2.
@pytest.mark.parametrize(
    ("other", "distance"), [([3.0, 5.0], 9.0), ([-1.0, 3.0], 2.0), ([1.0, 1.0], 2.0), ([1.0, 7.0], 17.0)]
)
def test_one_dimension(other, distance):
    features = np.array([[0.0], [2.0]])
    assert frechet_distance(features, np.array(other)[:, None]) == pytest.approx(distance)


def test_axes_that_vary_by_themselves_add_up():
    # Deviations per axis: (2, 1) sqrt(8/7) against (1, 3) sqrt(8/7): (2-1)^2 + (1-3)^2 = 5, times 8/7.
    corners = np.array([[x, y] for x in (-1.0, 1.0) for y in (-1.0, 1.0)] * 2)
    distance = frechet_distance(corners * [2.0, 1.0], corners * [1.0, 3.0])
    assert distance == pytest.approx(5.0 * 8.0 / 7.0)


def test_covariances_that_do_not_commute():
    # The root of C1 C2 by its eigenvalues instead of that of the symmetric matrix.
    features, other = correlated(1), correlated(2)
    product = np.cov(features, rowvar=False) @ np.cov(other, rowvar=False)
    cross = np.sqrt(np.linalg.eigvals(product).real).sum()
    expected = (
        np.square(features.mean(axis=0) - other.mean(axis=0)).sum()
        + features.var(axis=0, ddof=1).sum()
        + other.var(axis=0, ddof=1).sum()
        - 2.0 * cross
    )
    assert frechet_distance(features, other) == pytest.approx(expected)
    assert frechet_distance(other, features) == pytest.approx(expected)


def test_rotating_both_sets_changes_nothing():
    features, other = correlated(3), correlated(4)
    rotation, _ = np.linalg.qr(correlated(5, num=4))
    rotated = frechet_distance(features @ rotation, other @ rotation)
    assert rotated == pytest.approx(frechet_distance(features, other))


def test_fewer_vectors_than_dimensions_give_a_finite_distance():
    distance = frechet_distance(correlated(6, num=3, length=20), correlated(7, num=3, length=20))
    assert np.isfinite(distance)
    assert distance > 0


@pytest.mark.parametrize(
    ("shape", "other_shape"), [((1, 3), (5, 3)), ((5, 3), (1, 3)), ((0, 3), (5, 3)), ((5, 3), (5, 4))]
)
def test_sets_that_have_no_distance_are_refused(shape, other_shape):
    message = (
        "A Frechet distance needs two sets of at least two vectors of equal length. "
        f"Received: shapes {shape} and {other_shape}."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        frechet_distance(np.zeros(shape), np.zeros(other_shape))
