"""SIGTERM and the time limit: raised between two steps, with the former signal handler restored."""

import os
import signal

import pytest

from training.callbacks.stop_requests import StopRequests, TerminationRequest, TimeIsUp


def begin(requests, steps=4):
    requests.set_params({"steps": steps})
    return requests


def test_nothing_is_raised_unasked():
    with begin(StopRequests(max_minutes=1.0, now=lambda: 0.0)) as requests:
        requests.on_epoch_begin(0)
        requests.on_train_batch_end(0)


def test_termination_waits_for_the_end_of_a_step_and_a_second_one_does_not():
    ended = []
    before = signal.signal(signal.SIGTERM, lambda *_: ended.append("as without us"))
    try:
        with begin(StopRequests()) as requests:
            os.kill(os.getpid(), signal.SIGTERM)
            with pytest.raises(TerminationRequest):
                requests.on_train_batch_end(2)
            assert ended == []
            os.kill(os.getpid(), signal.SIGTERM)
            assert ended == ["as without us"]
        os.kill(os.getpid(), signal.SIGTERM)
        assert len(ended) == 2
    finally:
        signal.signal(signal.SIGTERM, before)


def test_after_the_last_step_the_epoch_ends_first():
    with begin(StopRequests()) as requests:
        os.kill(os.getpid(), signal.SIGTERM)
        requests.on_train_batch_end(3)
        with pytest.raises(TerminationRequest):
            requests.on_epoch_begin(1)


def test_time_is_counted_from_the_beginning_of_the_context():
    seconds = iter([100.0, 129.0, 130.0])
    with begin(StopRequests(max_minutes=0.5, now=lambda: next(seconds))) as requests:
        requests.on_epoch_begin(0)
        requests.on_train_batch_end(0)
        with pytest.raises(TimeIsUp):
            requests.on_train_batch_end(1)
