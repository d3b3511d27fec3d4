"""Looks up a model's signatures and its default name for serving, through what describes the model."""

import importlib

import keras

from export.signatures.signature import Signature
from training.untrained_models import kind_of


def make_signatures(model: keras.Model, isolates_rows: bool = False) -> list[Signature]:
    """Returns the signatures of a model, in the order of the contract's table.

    Args:
        model: A model of the zoo.
        isolates_rows: Whether a photo that only the decoder finds damaged becomes its row's error instead of
            failing every request in the batch.

    Raises:
        TypeError: The model is none of the zoo's, so its signatures are unknown.
    """
    module = importlib.import_module(kind_of(model).signatures)
    return module.make_signatures(model, isolates_rows)


def default_model_name(model: keras.Model) -> str:
    """Returns a model's default name for serving, e.g. `srcnn_x2`."""
    return kind_of(model).served_name(model)
