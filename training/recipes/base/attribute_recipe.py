"""The base class of recipes whose models learn from photos with attributes."""

from collections.abc import Sequence
from typing import ClassVar

import tensorflow as tf

from training.data.data_sets import DataSet
from training.input.pipeline import image_cache_choice, make_image_batches
from training.recipes.base.recipe import Recipe
from training.runs.config import TrainingConfig


class AttributeRecipe(Recipe):
    """Feeds a model with square photos and their attributes."""

    visible_options: ClassVar[Sequence[str]] = ("image_size", "channels")

    def default_image_size(self, data_set):
        return data_set.image_shape[0] or 64

    def choose_cache(self, config, data_set):
        return image_cache_choice(data_set, config.image_size, data_set.image_shape[2])

    def make_training_batches(self, config, data_set, first_step):
        return make_attribute_batches(config, data_set, "train", first_step)

    def make_evaluation_batches(self, config, data_set, split):
        return make_attribute_batches(config, data_set, split)


def blank_pictures(model, batch_size: int) -> tf.Tensor:
    """Returns black images of a model's size, uint8 `[batch_size, image_size, image_size, channels]`."""
    return tf.zeros((batch_size, model.image_size, model.image_size, model.channels), "uint8")


def make_attribute_batches(
    config: TrainingConfig,
    data_set: DataSet,
    split: str,
    first_step: int | None = None,
    with_rows: bool = False,
):
    """Makes batches of photos with their attributes, and with their places in the split if wanted.

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
        with_rows=with_rows,
    )
