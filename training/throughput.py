"""Pictures a second, in Keras' logs."""

import time

import keras


class Throughput(keras.callbacks.Callback):
    """Adds `images_per_second` to the logs, so that the progress bar and TensorBoard show it.

    Place it before callbacks that read the logs. Evaluation between epochs is not counted; the first
    execution of a `fit` is not counted either, because it compiles the step.

    Args:
        batch_size: Pictures a step.
    """

    def __init__(self, batch_size: int):
        super().__init__()
        self.batch_size = batch_size
        self._start_seconds = None
        self._start_step = None

    def on_epoch_begin(self, epoch, logs=None):
        if self._start_step is not None:
            self._start_seconds, self._start_step = time.perf_counter(), -1

    def on_train_batch_end(self, batch, logs=None):
        if self._start_step is None:
            self._start_seconds, self._start_step = time.perf_counter(), batch
        elif logs is not None:
            logs["images_per_second"] = self._images_per_second(batch)
        self._last_batch = batch

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None and self._last_batch > self._start_step:
            logs["images_per_second"] = self._last_rate

    def _images_per_second(self, batch: int) -> float:
        seconds = max(time.perf_counter() - self._start_seconds, 1e-9)
        self._last_rate = (batch - self._start_step) * self.batch_size / seconds
        return self._last_rate
