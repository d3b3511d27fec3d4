"""Models that learn nothing: they are exported and served as others are, but not trained."""

import dataclasses
import importlib
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import keras

    from training.recipes.base.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class UntrainedModel:
    """A model without weights; what export and serving ask of a `Recipe`, it answers too.

    Args:
        model_name: Its name on the command line and for serving.
        module: Module of its class.
        class_name: Name of its class.
        signatures: As for `Recipe`.
    """

    model_name: str
    module: str
    class_name: str
    signatures: str
    visible_options: ClassVar[tuple[str, ...]] = ()
    converts_to_tflite: ClassVar[bool] = False

    def import_model_class(self) -> type["keras.Model"]:
        """Returns the model's class."""
        return getattr(importlib.import_module(self.module), self.class_name)

    def served_name(self, model: "keras.Model") -> str:
        """Returns the default name under which the model is served."""
        return self.model_name


UNTRAINED = {
    "stitch": UntrainedModel("stitch", "zoo.stitching.stitcher", "Stitcher", "export.signatures.stitching")
}


def kind_of(model: "keras.Model") -> "Recipe | UntrainedModel":
    """Returns what describes a model: the recipe that trains it, or its entry of `UNTRAINED`.

    Raises:
        TypeError: The model's class is not one of the zoo.
    """
    from training.recipes.base.registry import recipe_of

    for untrained in UNTRAINED.values():
        if untrained.class_name == type(model).__name__ and untrained.module == type(model).__module__:
            return untrained
    return recipe_of(model)
