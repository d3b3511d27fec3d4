"""The scale of damage: from libjpeg's quantisation steps, the same for noise that harms as much."""

import numpy as np
import pytest

from zoo.cleaning.damage import damage_by_jpeg, damage_by_noise


def test_damage_falls_with_quality_from_one_to_zero():
    damage = damage_by_jpeg(np.arange(5, 98)).numpy()
    assert (np.diff(damage) < 0).all()
    assert damage[0] == 1.0
    assert damage_by_jpeg([1, 100]).numpy().tolist() == [1.0, 0.0]


def test_half_the_quantisation_step_is_the_same_difference_everywhere():
    """Libjpeg scales its tables by 5000 / q below quality 50 and by 200 - 2 q above."""
    coarse = damage_by_jpeg([10, 20]).numpy()
    fine = damage_by_jpeg([75, 87.5]).numpy()
    assert coarse[0] - coarse[1] == pytest.approx(fine[0] - fine[1], abs=1e-5)


def test_noise_counts_as_the_quantisation_that_harms_as_much():
    assert damage_by_noise(4.0).numpy() == pytest.approx(damage_by_jpeg(50).numpy(), abs=1e-5)
    assert damage_by_noise(0.0).numpy() == 0.0
    assert damage_by_noise(1e6).numpy() == 1.0
