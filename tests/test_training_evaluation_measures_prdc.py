"""Precision, recall, density and coverage computed by hand on a line, and distances in blocks."""

import numpy as np
import pytest

from training.evaluation.measures import feature_distances
from training.evaluation.measures.feature_distances import distance_blocks, nearest_rows, neighbour_distances
from training.evaluation.measures.prdc import prdc


def on_a_line(*values):
    return np.array(values, "float64")[:, None]


def measures(real, generated, num_neighbours):
    found = prdc(real, generated, num_neighbours)
    return [getattr(found, name).mean() for name in ("precision", "recall", "density", "coverage")]


def test_the_same_set_is_precise_and_covers_itself():
    features = np.random.default_rng(0).normal(size=(50, 3))
    precision, recall, density, coverage = measures(features, features, 5)
    assert (precision, recall, coverage) == (1.0, 1.0, 1.0)
    # Each lies in its own ball and, without ties, in five balls of others on average but for the last one,
    # whose border it lies on: 1 + 4 of 5.
    assert density == pytest.approx(1.0)


def test_far_sets_have_nothing_in_common():
    assert measures(on_a_line(0, 1, 2), on_a_line(100, 101, 102), 1) == [0.0, 0.0, 0.0, 0.0]


def test_collapse_is_precise_without_recall():
    # Real ones at 0, 1, ..., 9: radii 1. Generated ones all about 4: radii 0.1.
    found = measures(on_a_line(*range(10)), on_a_line(4.0, 4.1, 4.2), 1)
    # 4.0 lies in the ball of 4 only (4.0 - 3 is not below 1); 4.1 and 4.2 in those of 4 and 5.
    assert found == [1.0, 0.1, pytest.approx(5 / 3), 0.2]


def test_two_neighbours():
    # Radii to the second neighbour: real 0, 2, 3, 7: 3, 2, 3, 5.
    # Generated 1, 6, 20: 19, 14, 19. 1 lies in the balls of 0, 2, 3; 6 in that of 7; 20 in none.
    assert measures(on_a_line(0, 2, 3, 7), on_a_line(1, 6, 20), 2) == [
        pytest.approx(2 / 3),
        1.0,
        pytest.approx((3 + 1 + 0) / 2 / 3),
        1.0,
    ]


@pytest.mark.parametrize("block_rows", [1, 2, 7])
def test_blocks_make_no_difference(monkeypatch, block_rows):
    random = np.random.default_rng(1)
    real, generated = random.normal(size=(7, 2)), random.normal(size=(9, 2))
    whole = measures(real, generated, 2)
    # Of 9 distances of 8 bytes.
    monkeypatch.setattr(feature_distances, "_BLOCK_MIB", block_rows * 9 * 8 / 2**20)
    assert measures(real, generated, 2) == whole
    blocks = list(distance_blocks(real, generated))
    assert len(blocks[0]) == block_rows
    expected = np.linalg.norm(real[:, None] - generated[None], axis=-1)
    np.testing.assert_allclose(np.concatenate(blocks), expected, atol=1e-9)


def test_the_nearest_come_first():
    rows, distances = nearest_rows(on_a_line(0, 9), on_a_line(1, 7, 3), 2)
    assert rows.tolist() == [[0, 2], [1, 2]]
    assert distances.tolist() == [[1.0, 3.0], [2.0, 6.0]]


def test_a_row_is_at_no_distance_from_itself():
    features = np.random.default_rng(2).normal(size=(9, 4)) + 1e4
    (distances,) = distance_blocks(features, features)
    assert (np.diag(distances) == 0).all()


def test_equal_rows_are_neighbours_at_no_distance():
    assert neighbour_distances(on_a_line(5, 5, 9), 1).tolist() == [0.0, 0.0, 4.0]


def test_too_few_pictures_are_refused():
    message = "There must be more than 5 pictures.*Received: 5. Score more pictures."
    with pytest.raises(ValueError, match=message):
        prdc(np.zeros((5, 2)), np.zeros((9, 2)))
