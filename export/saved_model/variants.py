"""The variants that a model can be exported as: as trained, smaller, or faster."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from training.trained_model import Source

ORIGINAL = "original"


class Variant(NamedTuple):
    """Describes how a variant is made.

    Args:
        load_model: Loads the variant's Keras model, whose answers may differ slightly from the trained
            model's; raises `ValueError` if it cannot be made. None for the model as trained.
        is_frozen: Whether the SavedModel's variables become constants.
    """

    load_model: Callable[[Source], tf.Module] | None = None
    is_frozen: bool = False


def _with_float16_weights(source: Source):
    model = source.load_model()
    largest = np.finfo("float16").max
    for variable in model.weights:
        # Biases and normalisation statistics take little room, and a variance may be too small for float16.
        if variable.dtype != "float32" or len(variable.shape) < 2:
            continue
        value = variable.numpy()
        if not np.all(np.abs(value) <= largest):
            raise ValueError(
                f"Every weight must be at most {largest:g} to be stored as float16. Received: "
                f"{variable.path} of {source.name}, up to {np.max(np.abs(value)):g}. Export another variant."
            )
        _store_as_float16(variable, value)
    return model


def _store_as_float16(variable, value: np.ndarray) -> None:
    """Makes a Keras variable store float16 and read as float32."""
    keras_class = type(variable)

    # Which class Keras uses is known only here.
    class Float16Variable(keras_class):  # type: ignore[misc, valid-type]
        @property
        def value(self):
            return self._maybe_autocast(tf.cast(self._value, "float32"))

    variable._value = tf.Variable(value.astype("float16"), trainable=False, name=variable.name)
    variable.__class__ = Float16Variable


VARIANTS = {
    ORIGINAL: Variant(),
    "float16_weights": Variant(_with_float16_weights),
    "mixed_bfloat16": Variant(lambda source: source.load_model("mixed_bfloat16")),
    "frozen": Variant(is_frozen=True),
}
