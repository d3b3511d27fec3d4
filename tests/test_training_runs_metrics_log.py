"""The metrics of a run as JSON lines."""

import json

import numpy as np
import pytest
import tensorflow as tf

from training.runs.metrics_log import MetricsLog, read_metrics


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.jsonl"


def log_epochs(log, first, last):
    for epoch in range(first, last):
        log.on_epoch_begin(epoch)
        log.on_epoch_end(epoch, {"loss": np.float32(epoch + 0.5), "psnr": tf.constant(20.0)})


def test_each_epoch_is_a_line_that_counts_from_one(path):
    log_epochs(MetricsLog(path), 0, 2)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["epoch"], line["loss"], line["psnr"]) for line in lines] == [(1, 0.5, 20.0), (2, 1.5, 20.0)]
    assert all(line["seconds"] >= 0.0 for line in lines)
    assert read_metrics(path) == lines


def test_a_line_is_on_disk_when_its_epoch_ends(path):
    log = MetricsLog(path)
    for epoch in range(2):
        log_epochs(log, epoch, epoch + 1)
        assert len(read_metrics(path)) == epoch + 1


def test_a_resumed_run_repeats_the_lines_after_its_checkpoint(path):
    log_epochs(MetricsLog(path), 0, 3)
    first_two = path.read_text().splitlines()[:2]
    log_epochs(MetricsLog(path, num_epochs_done=2), 2, 4)
    assert path.read_text().splitlines()[:2] == first_two
    assert [line["epoch"] for line in read_metrics(path)] == [1, 2, 3, 4]


def test_a_line_that_a_crash_cut_off_is_left_out_and_written_anew(path):
    log_epochs(MetricsLog(path), 0, 2)
    path.write_text(path.read_text() + '{"epoch": 3, "lo')
    assert [line["epoch"] for line in read_metrics(path)] == [1, 2]
    log_epochs(MetricsLog(path, num_epochs_done=2), 2, 3)
    assert [line["epoch"] for line in read_metrics(path)] == [1, 2, 3]


def test_a_new_run_begins_with_an_empty_file(path):
    log_epochs(MetricsLog(path), 0, 2)
    MetricsLog(path)
    assert path.read_text() == ""
