"""Reads the final state of runs and compares two of them."""

import numpy as np
import tensorflow as tf

from training.runs.metrics_log import read_metrics
from training.trained_model import load_model


def last_state_of(run) -> dict[str, np.ndarray]:
    """Reads every value of the newest checkpoint."""
    reader = tf.train.load_checkpoint(run / "checkpoints")
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith("state/")]
    return {name: reader.get_tensor(name) for name in [*names, "position/.ATTRIBUTES/VARIABLE_VALUE"]}


def assert_same_training(run, other):
    """Asserts that two runs ended with the same weights, optimizer slots, random streams and metrics."""
    state, other_state = last_state_of(run), last_state_of(other)
    assert state.keys() == other_state.keys()
    different = [name for name in state if not np.array_equal(state[name], other_state[name])]
    assert different == []
    assert all(map(np.array_equal, load_model(run).get_weights(), load_model(other).get_weights()))
    clocked = {"seconds", "images_per_second", "peak_memory_gib"}
    metrics, other_metrics = (
        [{name: value for name, value in line.items() if name not in clocked} for line in read_metrics(path)]
        for path in (run / "metrics.jsonl", other / "metrics.jsonl")
    )
    assert metrics == other_metrics
