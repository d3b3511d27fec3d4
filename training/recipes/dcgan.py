"""Recipe of the DCGAN.

Sources:
    [DCGAN] Radford et al. 2015, arXiv 1511.06434, section 4: Adam, learning rate 2e-4, beta_1 0.5.
    [TTUR] Heusel et al. 2017, arXiv 1706.08500: separate learning rates for generator and discriminator.
    [DiffAugment] Zhao et al. 2020, arXiv 2006.10738: helps with few training photos.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from training.data.data_sets import DataSet, rendered_note
from training.input.augmentation import split_names
from training.recipes.base.generative_recipe import GenerativeRecipe
from training.recipes.base.latent_sheets import sheet_by_value
from training.recipes.base.learning_rate import make_learning_rate
from training.recipes.base.option import Option, to_click_type
from training.recipes.base.search_space import Choice, Range
from training.runs.config import TrainingConfig
from zoo.dcgan.dcgan import DCGAN
from zoo.hyperparameters import Rate
from zoo.pictures import pixels
from zoo.pictures.differentiable_augmentation import POLICIES
from zoo.step.adam import FusedAdam

SAMPLE_ROWS = 8
# [DiffAugment] helps once the discriminator has memorised its photos. With 5,500 or 550 photos of
# Fashion-MNIST it has not done so after half a million photos seen, and augmentation more than doubles the
# distance to real photos (`tests/benchmarks/few_pictures.py`).
FEW_IMAGES = 500


class DCGANRecipe(GenerativeRecipe):
    """Trains `zoo.dcgan.DCGAN` on photos with attributes."""

    model_name = "dcgan"
    epochs = 20
    batch_size = 64
    learning_rate = 2e-4
    # Its losses show whether generator or discriminator is ahead, not how good the pictures are.
    objective = "val_kernel_distance"
    option_words = {
        "diff_augment": (
            "auto",
            (
                "Random augmentation of the discriminator's input: any of colour,translation,cutout, or "
                f"none; auto: all three with fewer than {FEW_IMAGES} training photos, else none."
            ),
        )
    }
    # [TTUR]: the discriminator's learning rate as a multiple of the generator's.
    optimizer_options = {"discriminator_rate": 1.0}
    search_space = {
        "learning_rate": Range(5e-5, 1e-3, log=True),
        "discriminator_rate": Choice((0.5, 1.0, 2.0, 4.0)),
        "loss": Choice(("non_saturating", "hinge")),
        "r1_weight": Choice((0.0, 0.1, 1.0)),
        "classification_weight": Choice((0.0, 0.1, 0.25)),
        "latent_dim": Range(32, 128),
        "width": Choice((32, 48, 64)),
        "diff_augment": Choice(("none", "translation", "colour,translation,cutout")),
    }

    def import_model_class(self):
        return DCGAN

    def describe_optimizer_options(self):
        text = "The discriminator's learning rate as a multiple of --learning-rate."
        rate = to_click_type(Rate, "discriminator_rate")
        return (Option("discriminator_rate", "--discriminator-rate", rate, 1.0, text),)

    def build_model(self, config, data_set):
        return DCGAN(
            data_set.attributes,
            image_size=config.image_size,
            channels=data_set.image_shape[2],
            seed=config.seed,
            dtype=config.precision,
            **{**config.model_options, "diff_augment": _diff_augment(config, data_set)},
        )

    def compile_model(self, model, config, num_steps=None, **kwargs):
        learning_rate = make_learning_rate(config, num_steps)
        faster = config.learning_rate * config.optimizer_options.get("discriminator_rate", 1.0)
        discriminator_rate = make_learning_rate(dataclasses.replace(config, learning_rate=faster), num_steps)
        model.compile(
            generator_optimizer=FusedAdam(learning_rate, beta_1=0.5),
            discriminator_optimizer=FusedAdam(discriminator_rate, beta_1=0.5),
            **kwargs,
        )

    def draw_samples(self, model, config, data_set):
        name, values = next(iter(model.attributes.items()))
        count = SAMPLE_ROWS * len(values)
        latents = tf.random.stateless_normal((count, model.latent_dim), seed=(config.seed, 1))
        attribute_ids = random_attribute_ids(model.attributes, count, config.seed)
        attribute_ids[name] = np.arange(count, dtype="int32") % len(values)
        images = pixels.from_model_range(model(latents, attribute_ids), model.pixel_range).numpy()
        return sheet_by_value(images, values, rendered_note(data_set))


def _diff_augment(config: TrainingConfig, data_set: DataSet) -> tuple[str, ...]:
    chosen = config.model_options.get("diff_augment", "none")
    if chosen == "auto":
        return tuple(POLICIES) if data_set.num_images["train"] < FEW_IMAGES else ()
    if chosen == "none":
        return ()
    return split_names(chosen)


def random_attribute_ids(attributes, count: int, seed: int) -> dict[str, np.ndarray]:
    """Draws class ids uniformly: for each attribute an int32 array `[count]`."""
    random = np.random.default_rng(seed)
    return {
        name: random.integers(0, len(values), count, dtype="int32") for name, values in attributes.items()
    }
