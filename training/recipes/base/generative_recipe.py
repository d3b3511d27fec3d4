"""The base class of recipes whose models generate pictures from latents and attributes."""

from collections.abc import Sequence
from typing import ClassVar

import tensorflow as tf

from training.recipes.base.attribute_recipe import AttributeRecipe
from training.recipes.base.latent_sheets import traversal_sheet
from training.recipes.base.recipe import TimedAnswer
from zoo.pictures import pixels


class GenerativeRecipe(AttributeRecipe):
    """Samples and times a model that maps latents and attribute ids to pictures.

    The model must have `latent_dim`, `attributes`, `image_size`, `channels` and `pixel_range`.
    """

    is_generative = True
    takes_judge = True
    evaluations: ClassVar[Sequence[str]] = (
        "training.evaluation.test_pictures",
        "training.evaluation.generated.stages",
    )
    signatures = "export.signatures.generation"

    def draw_traversals(self, model, config):
        return traversal_sheet(model, config.seed)

    def make_answer(self, model):
        def generate(latents, value_ids):
            images = model(latents, dict.fromkeys(model.attributes, value_ids))
            return pixels.from_model_range(images, model.pixel_range)

        def make_latents(batch_size):
            return (tf.zeros((batch_size, model.latent_dim)), tf.zeros(batch_size, "int32"))

        return TimedAnswer(generate, make_latents, "generating")
