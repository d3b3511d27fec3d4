"""A toy family's recipe."""

import keras
import tensorflow as tf
from toy_mean import ToyMean

from training.pages.picture_sheet import PictureSheet
from training.recipes.base.attribute_recipe import AttributeRecipe
from training.recipes.base.learning_rate import make_learning_rate
from training.recipes.base.recipe import TimedAnswer
from training.recipes.base.search_space import Range
from zoo.pictures import pixels


class ToyMeanRecipe(AttributeRecipe):
    """Trains `ToyMean`."""

    model_name = "toy_mean"
    epochs, batch_size, learning_rate = 2, 8, 0.1
    objective = "val_loss"
    search_space = {"learning_rate": Range(0.01, 0.5, log=True), "darkness": Range(0.0, 0.1)}
    signatures = "toy_mean_signatures"

    def import_model_class(self):
        return ToyMean

    def build_model(self, config, data_set):
        return ToyMean(
            data_set.attributes,
            config.image_size,
            data_set.image_shape[2],
            dtype=config.precision,
            **config.model_options,
        )

    def compile_model(self, model, config, num_steps=None, **kwargs):
        model.compile(optimizer=keras.optimizers.Adam(make_learning_rate(config, num_steps)), **kwargs)

    def draw_samples(self, model, config, data_set):
        values = model.attributes[model.attribute]
        images = pixels.from_model_range(model(tf.range(len(values))), pixels.UNIT_RANGE)
        return PictureSheet(rows=[list(images.numpy())], column_labels=list(values))

    def make_answer(self, model):
        return TimedAnswer(model, lambda batch_size: (tf.zeros(batch_size, "int32"),), "remembering")
