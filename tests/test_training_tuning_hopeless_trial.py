"""Median stopping of trials."""

import pytest

from training.tuning.hopeless_trial import is_hopeless

OTHERS = [[1.0, 2.0, 9.0], [2.0, 3.0], [3.0, 3.0, 3.0], [4.0, 4.0]]


@pytest.mark.parametrize(
    ("own", "hopeless"),
    [
        ([0.0], False),  # every trial gets two epochs
        ([0.0, 0.0], True),
        ([2.9, 2.0], True),
        ([3.0, 2.0], False),  # the median of 2, 3, 3 and 4 is 3
        ([0.0, 0.0, 3.4], True),  # of 3, 3, 4 and 9 it is 3.5
        ([0.0, 0.0, 3.6], False),
    ],
)
def test_the_best_so_far_against_the_median_by_then(own, hopeless):
    assert is_hopeless(own, OTHERS) == hopeless


def test_two_others_are_too_few_to_judge_by():
    assert not is_hopeless([0.0, 0.0], OTHERS[:2])
    assert not is_hopeless([0.0, 0.0], [*OTHERS[:2], []])
