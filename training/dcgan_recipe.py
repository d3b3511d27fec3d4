"""How DCGAN is trained.

Sources:
    [DCGAN] Radford et al. 2015, arXiv 1511.06434, section 4: Adam, learning rate 2e-4, beta_1 0.5.
    [TTUR] Heusel et al. 2017, arXiv 1706.08500: two time scales.
    [DiffAugment] Zhao et al. 2020, arXiv 2006.10738: helps where pictures are few.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from training.augmentation import split_names
from training.config import TrainingConfig
from training.data_sets import DataSet
from training.learning_rate import make_learning_rate
from training.picture_sheet import PictureSheet
from training.pipeline import image_cache_choice, make_image_batches
from training.recipe import Recipe, rendered_note
from zoo import pixels
from zoo.dcgan import DCGAN
from zoo.differentiable_augmentation import POLICIES

SAMPLE_ROWS = 8
# [DiffAugment] section 4: with a fifth of CIFAR-10's 50,000 pictures it helps a lot, with all hardly.
FEW_IMAGES = 20_000


class DCGANRecipe(Recipe):
    """Trains `zoo.dcgan.DCGAN` on pictures with attributes."""

    model_name = "dcgan"
    epochs = 20
    batch_size = 64
    learning_rate = 2e-4
    model_options = {
        "latent_dim": 64,
        "width": 64,
        "depth": 0,
        "discriminator_depth": 0,
        "loss": "non_saturating",
        "conditioning": "projection",
        "spectral_norm": False,
        "r1_weight": 0.0,
        "diff_augment": "auto",
        "discriminator_steps": 1,
        "ema_momentum": 0.995,
    }
    # [TTUR]: the discriminator's learning rate in units of the generator's.
    optimizer_options = {"discriminator_rate": 1.0}

    def default_image_size(self, data_set):
        return data_set.image_shape[0] or 64

    def import_model_class(self):
        return DCGAN

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
            generator_optimizer=keras.optimizers.Adam(learning_rate, beta_1=0.5),
            discriminator_optimizer=keras.optimizers.Adam(discriminator_rate, beta_1=0.5),
            **kwargs,
        )

    def choose_cache(self, config, data_set):
        return image_cache_choice(data_set, config.image_size, data_set.image_shape[2])

    def make_training_batches(self, config, data_set, first_step):
        return make_attribute_batches(config, data_set, "train", first_step)

    def make_evaluation_batches(self, config, data_set, split):
        return make_attribute_batches(config, data_set, split)

    def draw_samples(self, model, config, data_set):
        name, values = next(iter(model.attributes.items()))
        count = SAMPLE_ROWS * len(values)
        latents = tf.random.stateless_normal((count, model.latent_dim), seed=(config.seed, 1))
        attribute_ids = random_attribute_ids(model.attributes, count, config.seed)
        attribute_ids[name] = np.arange(count, dtype="int32") % len(values)
        images = pixels.from_model_range(model(latents, attribute_ids), model.pixel_range).numpy()
        return PictureSheet(
            rows=[list(images[start : start + len(values)]) for start in range(0, count, len(values))],
            column_labels=list(values),
            note=rendered_note(data_set),
        )


def _diff_augment(config: TrainingConfig, data_set: DataSet) -> tuple[str, ...]:
    chosen = config.model_options.get("diff_augment", "none")
    if chosen == "auto":
        return tuple(POLICIES) if data_set.num_images["train"] < FEW_IMAGES else ()
    if chosen == "none":
        return ()
    return split_names(chosen)


def make_attribute_batches(
    config: TrainingConfig, data_set: DataSet, split: str, first_step: int | None = None
):
    """Makes batches of pictures with their attributes.

    They are endless, shuffled and augmented if `first_step` is given.
    """
    is_training = first_step is not None
    return make_image_batches(
        data_set,
        split,
        image_size=config.image_size,
        channels=data_set.image_shape[2],
        batch_size=config.batch_size,
        shuffle=is_training,
        repeat=is_training,
        seed=config.seed,
        first_step=first_step or 0,
        drop_remainder=is_training,
        augment=config.augment if is_training else (),
        cache=config.cache,
    )


def random_attribute_ids(attributes, count: int, seed: int) -> dict[str, np.ndarray]:
    """Draws class ids for each attribute, int32 `[count]`, uniformly."""
    random = np.random.default_rng(seed)
    return {
        name: random.integers(0, len(values), count, dtype="int32") for name, values in attributes.items()
    }
