"""The models that can be trained, by name."""

from training.conditional_vae_recipe import ConditionalVAERecipe
from training.dcgan_recipe import DCGANRecipe
from training.recipe import Recipe
from training.srcnn_recipe import SRCNNRecipe

RECIPES: dict[str, Recipe] = {
    recipe.model_name: recipe for recipe in (DCGANRecipe(), ConditionalVAERecipe(), SRCNNRecipe())
}
