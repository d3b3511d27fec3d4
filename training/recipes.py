"""The models that can be trained, by name."""

from training.classifier_recipe import ClassifierRecipe
from training.conditional_vae_recipe import ConditionalVAERecipe
from training.dcgan_recipe import DCGANRecipe
from training.fsrcnn_recipe import FSRCNNRecipe
from training.recipe import Recipe
from training.srcnn_recipe import SRCNNRecipe
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
