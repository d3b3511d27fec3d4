"""The signatures of any model, as its recipe names them."""

import importlib

import keras

from export.signatures.signature import Signature
from training.recipes.base.registry import recipe_of


def make_signatures(model: keras.Model, isolates_rows: bool = False) -> list[Signature]:
    """Returns the signatures of a model, in the order of the contract's table.

    Args:
        model: A model of the zoo.
        isolates_rows: Whether a picture that only its decoder finds damaged is an error of its row, instead
            of failing the requests of everybody in the batch.

    Raises:
        TypeError: No recipe trains such models, so nobody has said how they are served.
    """
    module = importlib.import_module(recipe_of(model).signatures)
    return module.make_signatures(model, isolates_rows)


def default_model_name(model: keras.Model) -> str:
    """Returns the name that a model is served by unless the user chooses another, e.g. `srcnn_x2`."""
    return recipe_of(model).served_name(model)
