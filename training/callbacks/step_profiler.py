"""Profiles some training steps for TensorBoard's profiler."""

from pathlib import Path

import keras
import tensorflow as tf


class StepProfiler(keras.callbacks.Callback):
    """Profiles the steps from `first` to `last`, counted from the start of this process.

    One execution runs many steps; the executions that contain these steps are profiled. The very first
    execution, which compiles, is never profiled.

    Args:
        first: First step to profile, from 1.
        last: Last step to profile.
        directory: The TensorBoard directory.
    """

    def __init__(self, first: int, last: int, directory: Path):
        super().__init__()
        self._first, self._last = first, last
        self._directory = directory
        self._num_steps_done = 0
        self._steps_of_execution = 0
        self._is_profiling = self._is_done = False
        self._step_marker: tf.profiler.experimental.Trace | None = None

    def on_epoch_begin(self, epoch, logs=None):
        self._last_batch = -1

    def on_train_batch_begin(self, batch, logs=None):
        is_due = self._num_steps_done + self._steps_of_execution >= self._first
        if self._steps_of_execution and is_due and not (self._is_profiling or self._is_done):
            tf.profiler.experimental.start(str(self._directory))
            self._is_profiling = True
        if self._is_profiling:
            # Without markers the profiler cannot tell executions apart.
            self._step_marker = tf.profiler.experimental.Trace("train", step_num=self._num_steps_done, _r=1)
            self._step_marker.__enter__()

    def on_train_batch_end(self, batch, logs=None):
        self._close_step_marker()
        self._steps_of_execution, self._last_batch = batch - self._last_batch, batch
        self._num_steps_done += self._steps_of_execution
        if self._is_profiling and self._num_steps_done >= self._last:
            self._stop()

    def on_train_end(self, logs=None):
        if self._is_profiling:
            self._stop()

    def _close_step_marker(self):
        if self._step_marker is not None:
            self._step_marker.__exit__(None, None, None)
            self._step_marker = None

    def _stop(self):
        self._close_step_marker()
        tf.profiler.experimental.stop()
        self._is_profiling, self._is_done = False, True
