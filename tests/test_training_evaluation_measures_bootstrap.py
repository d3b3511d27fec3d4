"""Bootstrap intervals: their width and their coverage."""

import numpy as np
import pytest

from training.evaluation.measures.bootstrap import bootstrap_interval, mean_interval
from training.evaluation.measures.frechet_distance import frechet_distance, frechet_distance_interval


def test_interval_of_a_mean_is_as_wide_as_the_normal_one():
    # A share of 0.5 of 400 has a standard error of 0.025.
    low, high = mean_interval([0.0, 1.0] * 200)
    assert high - low == pytest.approx(2 * 1.96 * 0.025, rel=0.1)
    assert (low + high) / 2 == pytest.approx(0.5, abs=0.01)


def test_intervals_worked_out_by_hand():
    # Both draws are 0 in a quarter of the resamples, and 1 in another: more than 2.5 % at either end.
    assert mean_interval([0.0, 1.0]) == (0.0, 1.0)
    # All three draws are the same value in one of 27 resamples, 3.7 %.
    assert mean_interval([1.0, 2.0, 4.0]) == (1.0, 4.0)
    # Of 256 resamples one adds up to 0, 4 to 1, and 6 to 2: 2.0 % lie below 2, a mean of 0.5, and 4.3 % do
    # not lie above it.
    assert mean_interval([0.0, 1.0, 5.0, 10.0])[0] == 0.5
    low, high = bootstrap_interval(np.mean, [0.0, 1.0], num_resamples=1000, centre=7.0)
    assert (low, high) == (pytest.approx(6.5, abs=0.05), pytest.approx(7.5, abs=0.05))
    assert high - low == pytest.approx(1.0)


def test_rows_of_a_table_are_drawn_whole():
    """Rows are (x, 10 x): their means keep the ratio in every resample."""
    rows = np.arange(1.0, 9.0)[:, None] * [1.0, 10.0]
    interval = bootstrap_interval(
        lambda drawn: drawn[:, 1].mean() / drawn[:, 0].mean(), rows, num_resamples=20
    )
    assert interval == (pytest.approx(10.0), pytest.approx(10.0))


def test_a_single_value_has_no_interval():
    assert mean_interval([31.62]) is None
    assert bootstrap_interval(lambda a, b: a.mean() - b.mean(), [1.0, 2.0], [3.0], num_resamples=5) is None


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(0).normal(size=50)
    assert mean_interval(values, seed=1) == mean_interval(values, seed=1)
    assert mean_interval(values, seed=1) != mean_interval(values, seed=2)


def test_each_sample_is_drawn_from_by_itself():
    def difference(first, second):
        assert (len(first), len(second)) == (5, 3)
        assert set(first) <= {1.0, 2.0}
        return first.mean() - second.mean()

    low, high = bootstrap_interval(difference, [1.0, 1.0, 2.0, 2.0, 2.0], [0.0] * 3, num_resamples=100)
    assert 1.0 <= low < high <= 2.0


def test_centre_moves_the_mean_of_the_resamples():
    values = np.random.default_rng(0).normal(size=100)
    low, high = bootstrap_interval(np.mean, values, num_resamples=50)
    moved_low, moved_high = bootstrap_interval(np.mean, values, num_resamples=50, centre=7.0)
    assert moved_high - moved_low == pytest.approx(high - low)
    assert moved_low < 7.0 < moved_high


@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_interval_of_a_frechet_distance_holds_it(shift):
    random = np.random.default_rng(2)
    features, other = random.normal(size=(60, 3)), random.normal(size=(60, 3)) + shift
    low, high = frechet_distance_interval(features, other)
    assert 0.0 <= low < frechet_distance(features, other) < high


def test_interval_of_a_frechet_distance_covers_that_of_other_samples():
    """Of 20 pairs of samples 12 apart, about 19 intervals hold the distance that large samples have."""
    random = np.random.default_rng(3)
    true_distance, num_held = 12.0, 0
    for seed in range(20):
        features, other = random.normal(size=(2, 300, 2))
        low, high = frechet_distance_interval(features, other + np.sqrt(6.0), seed)
        num_held += low < true_distance < high
    assert num_held >= 16
