"""The models that can be trained, by name."""

from training.recipes.classifier import ClassifierRecipe
from training.recipes.conditional_vae import ConditionalVAERecipe
from training.recipes.dcgan import DCGANRecipe
from training.recipes.fsrcnn import FSRCNNRecipe
from training.recipes.recipe import Recipe
from training.recipes.srcnn import SRCNNRecipe
from zoo.errors import UnknownNameError

RECIPES: dict[str, Recipe] = {
    recipe.model_name: recipe
    for recipe in (
        DCGANRecipe(),
        ConditionalVAERecipe(),
        SRCNNRecipe(),
        FSRCNNRecipe(),
        ClassifierRecipe(),
    )
}


def find_recipe(model: str, advice: str = "") -> Recipe:
    """Returns the recipe of a model.

    Args:
        model: Name of the model.
        advice: What to do where there is none, for the error.

    Raises:
        UnknownNameError: There is none.

    Example:

    >>> find_recipe("dcgan").model_name
    'dcgan'
    """
    if model not in RECIPES:
        raise UnknownNameError("model", model, RECIPES, advice)
    return RECIPES[model]
