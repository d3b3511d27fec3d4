"""Learning rates, loss scales and memory, in Keras' logs."""

import resource

import keras
import tensorflow as tf

GIB = 1 << 30


class OptimizerState(keras.callbacks.Callback):
    """Adds to the logs of each epoch what the optimizers do: place it before callbacks that read the logs.

    `learning_rate` is that of the next step, `loss_scale` what mixed_float16 multiplies losses by; a model
    with two optimizers has `generator_learning_rate` and so on. `peak_memory_gib` is the most memory that was
    needed so far: of the GPU where there is one, else resident memory of the process.
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
        logs["peak_memory_gib"] = _peak_memory_bytes() / GIB


def _to_float(value) -> float:
    # Of what replicas share, Keras' own `float()` knows nothing.
    return float(keras.ops.convert_to_numpy(value))


def _peak_memory_bytes() -> int:
    if tf.config.list_physical_devices("GPU"):
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
