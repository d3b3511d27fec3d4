"""The hyperparameters that `zoo tune` tries next."""

import keras_tuner
import numpy as np
import pytest

from training.tuning.tuner import MAX_SEED, SEED_DISTANCE, BayesianOracle


def search(directory, num_trials, stop_after=None, seed=1):
    """Searches the best of a curve; returns what was tried, in order."""

    def make():
        space = keras_tuner.HyperParameters()
        space.Float("x", -1.0, 1.0)
        space.Float("y", -1.0, 1.0)
        oracle = BayesianOracle(
            objective=keras_tuner.Objective("score", "max"),
            max_trials=num_trials,
            seed=seed,
            hyperparameters=space,
        )
        oracle.verbose = 0
        oracle._set_project_dir(str(directory), "study")
        return oracle

    oracle, tried = make(), []
    for index in range(num_trials):
        if index == stop_after:
            oracle.save()
            oracle = make()
            oracle.reload()
        trial = oracle.create_trial("tuner")
        x, y = (trial.hyperparameters.get(name) for name in "xy")
        tried.append((x, y))
        oracle.update_trial(trial.trial_id, {"score": 1 - (x - 0.3) ** 2 - (y + 0.6) ** 2})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    return tried


@pytest.mark.parametrize("stop_after", [2, 6])
@pytest.mark.slow
def test_a_study_that_was_stopped_tries_the_same(tmp_path, stop_after):
    whole = search(tmp_path / "whole", 9)
    np.testing.assert_allclose(search(tmp_path / "stopped", 9, stop_after), whole, atol=1e-6)


@pytest.mark.slow
def test_most_trials_of_a_usual_study_follow_what_was_found(tmp_path):
    distances = [abs(x - 0.3) + abs(y + 0.6) for x, y in search(tmp_path, 20)]
    assert min(distances[:5]) > 0.1
    assert np.mean(distances[-5:]) < 0.1


def test_searches_of_neighbouring_seeds_differ(tmp_path):
    first, second = (
        search(tmp_path / str(seed), 3, seed=(SEED_DISTANCE * seed + 1) % MAX_SEED) for seed in (0, 1)
    )
    assert not set(first) & set(second)
