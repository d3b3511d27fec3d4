"""Pictures per second, measured with a fake clock."""

import types

import pytest

from training.callbacks import step_logs
from training.callbacks.step_logs import Throughput

BATCH_SIZE = 10


class Training:
    """Calls the callback as Keras does, and passes time."""

    def __init__(self, monkeypatch):
        self.seconds = 100.0
        self.callback = Throughput(BATCH_SIZE)
        clock = types.SimpleNamespace(perf_counter=lambda: self.seconds)
        monkeypatch.setattr(step_logs, "time", clock)

    def run_epoch(self, last_batches, seconds_each):
        """Runs executions that end with these batches; returns the rates in the logs, the epoch's last."""
        self.callback.on_epoch_begin(0)
        rates = []
        for batch in last_batches:
            self.seconds += seconds_each
            logs = {"loss": 1.0}
            self.callback.on_train_batch_end(batch, logs)
            rates.append(logs.get("images_per_second"))
        logs = {"loss": 1.0}
        self.callback.on_epoch_end(0, logs)
        return [*rates, logs.get("images_per_second")]


@pytest.fixture
def training(monkeypatch):
    return Training(monkeypatch)


def test_the_first_execution_compiles_and_does_not_count(training):
    # Five steps an execution, two seconds each: 25 pictures a second.
    assert training.run_epoch([4, 9, 14], 2.0) == [None, 25.0, 25.0, 25.0]


def test_an_execution_that_is_alone_in_its_epoch_counts_from_the_second_epoch_on(training):
    assert training.run_epoch([4], 2.0) == [None, None]
    assert training.run_epoch([4], 2.0) == [25.0, 25.0]


def test_evaluation_between_epochs_does_not_count(training):
    training.run_epoch([0, 1, 2], 1.0)
    training.seconds += 1000.0
    assert training.run_epoch([0, 1, 2], 2.0) == [5.0, 5.0, 5.0, 5.0]
