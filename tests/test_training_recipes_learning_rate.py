"""Learning rate schedules."""

import pytest

from training.recipes.base.learning_rate import make_learning_rate
from zoo.errors import UnknownNameError


def test_constant_is_the_number(make_small_config):
    assert make_learning_rate(make_small_config("dcgan"), num_steps=100) == 1e-3


def test_cosine_rises_and_falls_to_zero(make_small_config):
    config = make_small_config("dcgan", schedule="cosine")
    schedule = make_learning_rate(config, num_steps=100)
    # Two steps of warm-up, half-way down in the middle of the other 98, zero at the end.
    assert [float(schedule(step)) for step in (0, 1, 2)] == pytest.approx([0.0, 5e-4, 1e-3])
    assert float(schedule(51)) == pytest.approx(5e-4)
    assert float(schedule(100)) == pytest.approx(0.0, abs=1e-9)


def test_nothing_to_train_needs_no_schedule(make_small_config):
    assert make_learning_rate(make_small_config("dcgan", schedule="cosine"), num_steps=None) == 1e-3


def test_unknown_schedule(make_small_config):
    with pytest.raises(UnknownNameError, match="schedule.*linear"):
        make_learning_rate(make_small_config("dcgan", schedule="linear"), num_steps=10)
