"""`zoo train --distribute multi_worker`: the chief alone writes, and runs resume after a worker died.

`python -m pytest -m slow tests/test_training_distribution_workers.py -s`
"""

import os
import signal
import time

import pytest
from run_states import last_state_of
from workers import cluster_environments, start

from training.runs.metrics_log import read_metrics

pytestmark = pytest.mark.slow(minutes=1)


@pytest.fixture
def config_file(make_small_config, tmp_path):
    config = make_small_config("conditional_vae", epochs=200, batch_size=2)
    (tmp_path / "config.json").write_text(config.to_json(), encoding="utf-8")
    return tmp_path / "config.json"


class Workers:
    """Two processes of one training."""

    def __init__(self, directory, *words):
        self.logs = [directory / f"worker-{index}.log" for index in range(2)]
        words = ["-m", "zoo", "train", "--distribute", "multi_worker", *words]
        self.scratch = directory / "scratch"
        self.scratch.mkdir(exist_ok=True)
        self.processes = [
            start(words, log, {**environment, "TMPDIR": str(self.scratch)})
            for log, environment in zip(self.logs, cluster_environments(2), strict=True)
        ]

    def wait_until(self, is_true):
        while not is_true():
            for process, log in zip(self.processes, self.logs, strict=True):
                assert process.poll() is None, f"a worker ended too early: {log.read_text()[-3000:]}"
            time.sleep(0.05)

    def wait(self, index):
        return self.processes[index].wait(timeout=120)

    def last_line(self, index):
        return self.logs[index].read_text(encoding="utf-8").splitlines()[-1]


@pytest.mark.parametrize("victim", [0, 1])
def test_the_others_stop_when_a_worker_is_killed_and_all_go_on_together(config_file, tmp_path, victim):
    run = tmp_path / "run"
    words = ["--config", config_file, "--runs-dir", tmp_path, "--run-name", "run"]
    workers = Workers(tmp_path, *words)
    workers.wait_until(lambda: list(run.glob("checkpoints/ckpt-2.index")))
    # The other worker's copy of what it would write is elsewhere, and goes when it ends.
    assert len(list(workers.scratch.glob("zoo-worker-*"))) == 1
    os.kill(workers.processes[victim].pid, signal.SIGKILL)
    killed_seconds = time.monotonic()
    assert workers.wait(1 - victim) == 1
    print(f"\nThe other worker stopped after {time.monotonic() - killed_seconds:.1f} seconds.")
    assert time.monotonic() - killed_seconds < 60
    message = workers.last_line(1 - victim)
    assert "All workers must run to the end. Received: lost one of 127.0.0.1:" in message
    assert f"Start all workers again: zoo train --resume {run if victim else 'RUN'}" in message

    num_epochs_before = len(read_metrics(run / "metrics.jsonl"))
    position = last_state_of(run)["position/.ATTRIBUTES/VARIABLE_VALUE"]
    workers = Workers(tmp_path, "--resume", run, "--epochs", int(position[0]) + 2)
    assert [workers.wait(index) for index in range(2)] == [0, 0], workers.logs[0].read_text()[-3000:]
    # Not always last: gRPC may complain about the chief, which ended first.
    assert (
        "This worker has finished. The chief has the run directory."
        in workers.logs[1].read_text().splitlines()
    )
    metrics = read_metrics(run / "metrics.jsonl")
    assert [line["epoch"] for line in metrics] == list(range(1, int(position[0]) + 3))
    assert len(metrics) > num_epochs_before
    assert (run / "model.keras").exists()
    left = list(workers.scratch.glob("zoo-worker-*"))
    assert len(left) == (victim == 1)  # of the one that was killed


def test_sigterm_to_one_worker_saves_and_stops_all(config_file, tmp_path):
    run = tmp_path / "run"
    workers = Workers(tmp_path, "--config", config_file, "--runs-dir", tmp_path, "--run-name", "run")
    workers.wait_until(lambda: list(run.glob("checkpoints/ckpt-2.index")))
    workers.processes[1].send_signal(signal.SIGTERM)
    assert [workers.wait(index) for index in range(2)] == [128 + signal.SIGTERM] * 2
    # Not the last line: TensorFlow may complain after it that the other worker, which ended first, is gone.
    assert "terminated and saved in epoch" in workers.logs[0].read_text(encoding="utf-8")
    assert not list(workers.scratch.glob("zoo-worker-*"))


def test_a_worker_that_never_comes_up_is_named(config_file, tmp_path):
    environment = cluster_environments(2)[0]
    log = tmp_path / "alone.log"
    words = ["-m", "zoo", "train", "--config", config_file, "--runs-dir", tmp_path, "--peer-timeout", 1]
    process = start([*words, "--distribute", "multi_worker"], log, environment)
    assert process.wait(timeout=60) == 1
    assert "All 2 workers must start within 1 seconds" in log.read_text(encoding="utf-8").splitlines()[-1]
    assert {path.name for path in tmp_path.iterdir()} == {"alone.log", "config.json"}
