"""Finds recipes by model name: one recipe per file in `training/recipes`."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from training import recipes
from zoo.errors import UnknownNameError

if TYPE_CHECKING:
    import keras

    from training.recipes.base.recipe import Recipe


class _Recipes(Mapping):
    """Maps model names to recipes; a recipe's file is imported when the recipe is first accessed."""

    def __init__(self):
        self._found: dict[str, Recipe] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(module.name for module in pkgutil.iter_modules(recipes.__path__) if not module.ispkg)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, model) -> bool:
        return model in list(iter(self))

    def __getitem__(self, model: str) -> "Recipe":
        if model not in self:
            raise KeyError(model)
        if model not in self._found:
            self._found[model] = _make_recipe(model)
        return self._found[model]


RECIPES: Mapping[str, "Recipe"] = _Recipes()


def find_recipe(model: str, advice: str = "") -> "Recipe":
    """Returns the recipe of a model.

    Args:
        model: Name of the model.
        advice: Advice that the error message gives if there is no such recipe.

    Raises:
        UnknownNameError: There is no such recipe.

    Example:

    >>> find_recipe("dcgan").model_name
    'dcgan'
    """
    if model not in RECIPES:
        raise UnknownNameError("model", model, RECIPES, advice)
    return RECIPES[model]


def recipe_of(model: "keras.Model") -> "Recipe":
    """Returns the recipe that trains models of this model's class.

    Raises:
        TypeError: No recipe trains the class.
    """
    for recipe in RECIPES.values():
        if recipe.import_model_class() is type(model):
            return recipe
    raise TypeError(
        "A model must be an instance of a class that a recipe trains: "
        f"{', '.join(recipe.import_model_class().__name__ for recipe in RECIPES.values())}. "
        f"Received: a model of class {type(model).__name__}."
    )


def _make_recipe(model: str) -> "Recipe":
    from training.recipes.base.recipe import Recipe

    module = importlib.import_module(f"{recipes.__name__}.{model}")
    classes = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Recipe) and member.__module__ == module.__name__
    ]
    if len(classes) != 1 or classes[0].model_name != model:
        raise TypeError(
            f"A recipe's file must define one subclass of Recipe, whose `model_name` equals the file's name. "
            f"Received: {module.__file__} with {', '.join(each.__name__ for each in classes) or 'none'}."
        )
    return classes[0]()
