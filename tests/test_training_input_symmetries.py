"""Mirrored and turned patches, computed by hand."""

import numpy as np
import pytest
import tensorflow as tf

from training.input.symmetries import Symmetries

SQUARE = np.array([[0, 1], [2, 3]])
NUM_PATCHES = 400


def outcomes(names, patch):
    """Returns how often each changed patch occurs among equal ones, as nested tuples."""
    patches = tf.constant(np.broadcast_to(patch[np.newaxis, ..., np.newaxis], (NUM_PATCHES, *patch.shape, 1)))
    changed = Symmetries(names)({"high_res": patches}, seed=[0, 7])["high_res"].numpy()[..., 0]
    found, counts = np.unique(changed, axis=0, return_counts=True)
    return {tuple(map(tuple, patch)): count for patch, count in zip(found.tolist(), counts, strict=True)}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], {((0, 1), (2, 3))}),
        (["scale"], {((0, 1), (2, 3))}),
        (["flip"], {((0, 1), (2, 3)), ((1, 0), (3, 2))}),
        (["turn"], {((0, 1), (2, 3)), ((1, 3), (0, 2)), ((3, 2), (1, 0)), ((2, 0), (3, 1))}),
    ],
)
def test_each_outcome_is_as_frequent(names, expected):
    counts = outcomes(names, SQUARE)
    assert set(counts) == expected
    assert min(counts.values()) > NUM_PATCHES / len(expected) * 0.75


def test_flip_and_turn_make_all_eight():
    assert len(outcomes(["flip", "turn"], SQUARE)) == 8


def test_what_is_not_square_is_turned_upside_down_only():
    assert set(outcomes(["turn"], np.array([[0, 1, 2]]))) == {((0, 1, 2),), ((2, 1, 0),)}


def test_all_pictures_of_a_pair_change_alike_and_by_the_seed_alone():
    small = tf.reshape(tf.range(20 * 4), [20, 2, 2, 1])
    large = tf.repeat(tf.repeat(small, 3, axis=1), 3, axis=2)
    change = Symmetries(["flip", "turn"])
    pair = change({"low_res": small, "high_res": large}, seed=[3, 5])
    np.testing.assert_array_equal(pair["high_res"][:, ::3, ::3], pair["low_res"])
    np.testing.assert_array_equal(change({"low_res": small}, seed=[3, 5])["low_res"], pair["low_res"])
    assert np.any(change({"low_res": small}, seed=[3, 6])["low_res"] != pair["low_res"])
