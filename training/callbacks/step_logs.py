"""Adds learning rates, loss scales, memory and pictures per second to Keras' logs."""

import time

import keras
import tensorflow as tf

from training.runs.peak_memory import peak_memory_bytes

GIB = 1 << 30


class OptimizerState(keras.callbacks.Callback):
    """Adds the optimizers' state and the peak memory to each epoch's logs.

    Place it before callbacks that read the logs. `learning_rate` is that of the next step, `loss_scale` the
    factor by which mixed_float16 multiplies losses; a model with two optimizers has
    `generator_learning_rate` and so on. `peak_memory_gib` is the peak memory so far: the GPU's if there is
    one, else the process's resident memory.
    """

    def on_epoch_end(self, epoch, logs=None):
        if logs is None:
            return
        for attribute, optimizer in vars(self.model).items():
            if isinstance(optimizer, keras.optimizers.Optimizer):
                prefix = attribute.removesuffix("optimizer")
                logs[f"{prefix}learning_rate"] = _to_float(optimizer.learning_rate)
                if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
                    logs[f"{prefix}loss_scale"] = _to_float(optimizer.dynamic_scale)
        peak = _peak_memory_bytes()
        if peak is not None:
            logs["peak_memory_gib"] = peak / GIB


def _to_float(value) -> float:
    # `float()` does not support variables shared by replicas.
    return float(keras.ops.convert_to_numpy(value))


def _peak_memory_bytes() -> int | None:
    if tf.config.list_physical_devices("GPU"):
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    return peak_memory_bytes()


class Throughput(keras.callbacks.Callback):
    """Adds `images_per_second` to the logs, for the progress bar and TensorBoard.

    Place it before callbacks that read the logs. Neither evaluation between epochs nor the first execution of
    a `fit`, which compiles the step, is counted.

    Args:
        batch_size: Pictures per step.
    """

    def __init__(self, batch_size: int):
        super().__init__()
        self.batch_size = batch_size
        self._has_compiled = False
        self._start_seconds = 0.0
        self._start_step = 0

    def on_epoch_begin(self, epoch, logs=None):
        if self._has_compiled:
            self._start_seconds, self._start_step = time.perf_counter(), -1

    def on_train_batch_end(self, batch, logs=None):
        if not self._has_compiled:
            self._has_compiled = True
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
