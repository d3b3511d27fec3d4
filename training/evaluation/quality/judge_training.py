"""A small classifier of a data set, trained for a bounded number of steps, for its features.

Sources:
    [ResNet] He et al. 2015, arXiv 1512.03385: what `zoo.classifier.Classifier` is.
"""

import warnings

import keras

from training.data.data_sets import DataSet
from training.recipes.classifier import ClassifierRecipe
from training.runs.config import TrainingConfig
from zoo.classifier import Classifier

# A quarter of the shipped classifier's operations. Features tell good pictures from bad ones long before the
# classifier is a good one.
WIDTH = 16
BATCH_SIZE = 64
MAX_STEPS, MAX_PASSES = 600, 30


def train_judge(data_set: DataSet, image_size: int, cache: str | None) -> Classifier:
    """Trains a classifier on the training split: 600 steps of 64 pictures, at most 30 passes.

    The same data set and size give the same initial weights and the same order of pictures.

    Args:
        data_set: A prepared data set with attributes.
        image_size: Side of the pictures in pixels.
        cache: Where its pictures are kept, as in `TrainingConfig`.

    Returns:
        The classifier, float32.
    """
    num_images = data_set.num_images["train"]
    batch_size = min(BATCH_SIZE, num_images)
    num_steps = min(MAX_STEPS, MAX_PASSES * num_images // batch_size)
    recipe = ClassifierRecipe()
    config = TrainingConfig(
        model=recipe.model_name,
        dataset=data_set.name,
        epochs=1,
        batch_size=batch_size,
        image_size=image_size,
        learning_rate=recipe.learning_rate,
        schedule=recipe.schedule,
        precision="float32",
        model_options={**recipe.model_options, "width": WIDTH},
        cache=cache,
    )
    # No training draws from these seeds once its model is built: it could not be resumed otherwise.
    keras.utils.set_random_seed(config.seed)
    model = recipe.build_model(config, data_set)
    recipe.compile_model(model, config, num_steps, jit_compile=False)
    with warnings.catch_warnings():
        # The order of the pictures is that of the pipeline.
        warnings.filterwarnings("ignore", message="`shuffle=True` was passed")
        batches = recipe.make_training_batches(config, data_set, first_step=0)
        model.fit(batches, steps_per_epoch=num_steps, verbose=0)
    return model
