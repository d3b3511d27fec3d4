"""The largest rectangle: against trying all of them, and on masks larger than its grid."""

import itertools

import numpy as np
import pytest

from zoo.stitching.rectangle import largest_rectangle


def largest_by_trying(mask):
    height, width = mask.shape
    return max(
        (bottom - top) * (right - left)
        for top, bottom in itertools.combinations(range(height + 1), 2)
        for left, right in itertools.combinations(range(width + 1), 2)
        if mask[top:bottom, left:right].all()
    )


@pytest.mark.parametrize("seed", range(8))
def test_none_is_larger(seed):
    mask = np.random.default_rng(seed).random([9, 11]) > 0.25
    top, left, bottom, right = largest_rectangle(mask)
    assert mask[top:bottom, left:right].all()
    assert (bottom - top) * (right - left) == largest_by_trying(mask)


def test_large_masks_are_filled_to_their_edges():
    mask = np.zeros([900, 1700], bool)
    mask[13:871, 7:1650] = True
    assert largest_rectangle(mask) == (13, 7, 871, 1650)


def test_masks_thinner_than_the_grid_give_a_pixel():
    mask = np.zeros([3, 2000], bool)
    mask[1] = True
    assert largest_rectangle(mask) == (1, 0, 2, 1)
