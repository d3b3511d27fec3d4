"""Stops a training on request: on a scheduler's SIGTERM, or at a time limit."""

import math
import signal
import threading
import time
from collections.abc import Callable

import keras


class StopRequest(Exception):
    """Raised between two steps, when everything can be saved."""


class TerminationRequest(StopRequest):
    """Raised after the process received SIGTERM."""


class TimeIsUp(StopRequest):
    """Raised when the training's time limit has passed."""


class StopRequests(keras.callbacks.Callback):
    """Raises a `StopRequest` after the step during which SIGTERM arrived or the time limit passed.

    Use it as a context manager around `fit`: it handles SIGTERM inside. A second SIGTERM ends the process at
    once, as it would without this class.

    Args:
        max_minutes: Time limit in minutes, from the start of the context; None for no limit.
        agree: Given this process's wish to stop, returns whether any worker of the training wishes to.
        every_steps: Steps between two such agreements.
        now: Clock in seconds.
    """

    def __init__(
        self,
        max_minutes: float | None = None,
        agree: Callable[[bool], bool] = bool,
        every_steps: int = 1,
        now: Callable[[], float] = time.monotonic,
    ):
        super().__init__()
        self._agree = agree
        self._every_steps = every_steps
        self._max_seconds = math.inf if max_minutes is None else 60.0 * max_minutes
        self._now = now
        self._is_terminated = False
        # At least one step per start: however short the limit, a repeatedly restarted training advances.
        self._has_stepped = False

    def __enter__(self):
        self._start_seconds = self._now()
        # Only the main thread may set signal handlers; other threads leave the process's handlers alone.
        self._is_listening = threading.current_thread() is threading.main_thread()
        if self._is_listening:
            self._handler_before = signal.signal(signal.SIGTERM, self._note_termination)
        return self

    def __exit__(self, *exception):
        if self._is_listening:
            signal.signal(signal.SIGTERM, self._handler_before)

    def on_train_batch_end(self, batch, logs=None):
        self._has_stepped = True
        # After an epoch's last step, the end of the epoch is processed first.
        if batch + 1 < self.params["steps"] and (batch + 1) % self._every_steps == 0:
            self._raise_if_requested()

    def on_epoch_begin(self, epoch, logs=None):
        self._raise_if_requested()

    def _raise_if_requested(self):
        if self._agree(self._is_terminated):
            raise TerminationRequest
        if self._agree(self._has_stepped and self._now() - self._start_seconds >= self._max_seconds):
            raise TimeIsUp

    def _note_termination(self, number, frame):
        self._is_terminated = True
        signal.signal(signal.SIGTERM, self._handler_before)
