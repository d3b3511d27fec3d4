"""Runs that are killed or terminated resume bit for bit.

`python -m pytest -m slow tests/test_training_loop_kills.py -s` prints where each kill fell.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tensorflow as tf
from run_states import assert_same_training, last_state_of

from training.runs.metrics_log import read_metrics

NUM_KILLS = 4
REPOSITORY = Path(__file__).parent.parent


def start_zoo(tmp_path, *words):
    """Starts `zoo train` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "zoo", "train", *map(str, words)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(is_true, process):
    while not is_true():
        assert process.poll() is None, f"the training ended too early: {process.stderr.read()}"
        time.sleep(0.001)


def newest_checkpoint(run):
    return tf.train.latest_checkpoint(run / "checkpoints")


def position_of(run):
    return tuple(int(place) for place in last_state_of(run)["position/.ATTRIBUTES/VARIABLE_VALUE"])


@pytest.fixture
def write_config(make_small_config, tmp_path):
    def write(**changes):
        config = make_small_config("dcgan", batch_size=1, **changes)
        (tmp_path / "config.json").write_text(config.to_json(), encoding="utf-8")
        return config

    return write


@pytest.mark.slow
def test_sigterm_saves_and_exits_as_schedulers_expect(write_config, tmp_path):
    config = write_config(epochs=200)
    process = start_zoo(tmp_path, "--config", "config.json", "--runs-dir", ".", "--run-name", "run")
    run = tmp_path / "run"
    wait_until(lambda: list(run.glob("checkpoints/ckpt-3.index")), process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    num_epochs, num_steps = position_of(run)
    message = f"terminated and saved in epoch {num_epochs + 1} of 200. Resume it: zoo train --resume run"
    assert message in err.splitlines()[-1]
    assert num_steps in (0, 20)
    assert len(read_metrics(run / "metrics.jsonl")) == num_epochs < config.epochs


@pytest.mark.slow(minutes=3)
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(write_config, tmp_path):
    draw = random.Random(0)
    config = write_config(epochs=80, deterministic=True, augment=["flip", "crop"], schedule="cosine")
    run, num_kills, num_in_writing = tmp_path / "killed", 0, 0
    words = ["--config", "config.json", "--runs-dir", ".", "--run-name", "killed"]
    while True:
        process = start_zoo(tmp_path, *words, "--checkpoint-steps", 20)
        words = ["--resume", run]
        if num_kills == NUM_KILLS:
            break
        before = newest_checkpoint(run)
        wait_until(lambda before=before: newest_checkpoint(run) != before, process)
        time.sleep(draw.uniform(0.0, 1.0))
        if num_kills % 3 == 0:  # while a checkpoint is being written
            wait_until(lambda: list(run.glob("checkpoints/*temp*")), process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        num_kills += 1
        num_in_writing += bool(list(run.glob("checkpoints/*temp*")))
        print(f"kill {num_kills} at epoch and step {position_of(run)}, in writing so far: {num_in_writing}")
        assert not (run / "model.keras").exists()
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert num_in_writing > 0
    whole = start_zoo(tmp_path, "--config", "config.json", "--runs-dir", ".", "--run-name", "whole")
    _, err = whole.communicate()
    assert whole.returncode == 0, err
    assert len(read_metrics(run / "metrics.jsonl")) == config.epochs
    assert_same_training(run, tmp_path / "whole")
