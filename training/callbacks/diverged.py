"""Detects a diverged training at once, and explains its likely cause."""

import keras
import numpy as np

from training.runs.config import TrainingConfig


class DivergedError(RuntimeError):
    """Raised when a loss or a weight is not finite; the message says which, when, why and what to do."""


class FiniteLosses(keras.callbacks.Callback):
    """Raises `DivergedError` as soon as a loss is NaN or infinite."""

    def on_train_batch_end(self, batch, logs=None):
        for name, value in (logs or {}).items():
            if not np.isfinite(float(value)):
                raise DivergedError(f"{name} is {float(value)}")


def likely_cause(config: TrainingConfig, usual_learning_rate: float) -> str:
    """Describes the probable cause of a training's divergence, and what to do about it.

    Args:
        config: Configuration of the training.
        usual_learning_rate: The recipe's default learning rate.

    Example:

    >>> config = TrainingConfig("srcnn", "t91", 1, 16, 48, learning_rate=0.5, precision="float32")
    >>> likely_cause(config, 1e-3)
    'the learning rate of 0.5 is above the default of 0.001. Train again with --learning-rate 0.001.'
    """
    if config.learning_rate > usual_learning_rate:
        return (
            f"the learning rate of {config.learning_rate:g} is above the default of "
            f"{usual_learning_rate:g}. Train again with --learning-rate {usual_learning_rate:g}."
        )
    if config.precision == "mixed_float16":
        return "float16 overflows above 65,504. Train again with --precision float32 or mixed_bfloat16."
    return (
        "the steps are too large for these pictures. Train again with --learning-rate "
        f"{config.learning_rate / 4:g}, or with the model's default loss weights."
    )
