"""Kernel distances computed by hand."""

import numpy as np
import pytest

from training.evaluation.measures.kernel_distance import kernel_distance, squared_mmd


def test_three_against_two_in_two_dimensions():
    # k(x, y) = (x y / 2 + 1)^3. First set (0,0), (2,0), (0,2): products 0 off the diagonal: mean 1.
    # Second set (2,0), (2,2): product 4, (4/2 + 1)^3 = 27.
    # Between: (0,0): 1, 1; (2,0): 27, 27; (0,2): 1, 27: mean 14.
    first, second = [[0, 0], [2, 0], [0, 2]], [[2, 0], [2, 2]]
    assert squared_mmd(first, second) == pytest.approx(1 + 27 - 2 * 14)


def test_two_samples_of_one_distribution_have_no_distance_on_average():
    random = np.random.default_rng(0)
    value, (low, high) = kernel_distance(random.normal(size=(400, 3)), random.normal(size=(400, 3)))
    assert low < 0.0 < high
    assert low < value < high


def test_shift_is_seen_and_the_interval_holds_the_value_of_the_whole_sets():
    random = np.random.default_rng(1)
    features, other = random.normal(size=(400, 3)), random.normal(size=(400, 3)) + 0.5
    value, (low, high) = kernel_distance(features, other)
    assert low > 0.0
    assert low < squared_mmd(features, other) < high
    assert kernel_distance(features, other) == (value, (low, high))


@pytest.mark.parametrize(("shape", "other_shape"), [((1, 3), (5, 3)), ((5, 3), (5, 4))])
def test_sets_that_have_no_distance_are_refused(shape, other_shape):
    with pytest.raises(ValueError, match="needs two sets of at least two vectors of equal length."):
        squared_mmd(np.zeros(shape), np.zeros(other_shape))


def test_too_few_for_subsets_are_refused():
    with pytest.raises(ValueError, match="needs two sets of at least four vectors. Received: 3."):
        kernel_distance(np.zeros((3, 2)), np.zeros((9, 2)))
