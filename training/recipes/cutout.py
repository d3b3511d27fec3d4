"""Recipe of the cut-out network."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import tensorflow as tf

from training.input.cutout_pipeline import check_has_masks, cutout_cache_choice, make_cutout_batches
from training.pages.masked_photo import on_white
from training.pages.picture_sheet import PictureSheet
from training.recipes.base.learning_rate import make_learning_rate
from training.recipes.base.recipe import Recipe, TimedAnswer
from training.recipes.base.search_space import Choice, Range
from zoo.cutout.cutout import Cutout
from zoo.step.adam import FusedAdam

NUM_SAMPLES, SHEET_COLUMNS = 12, 4
DEFAULT_IMAGE_SIZE = 256
# Sides in pixels of the photo that is cut out to measure speed.
TIMED_SIDE = 1024


class CutoutRecipe(Recipe):
    """Trains `zoo.cutout.cutout.Cutout` on photos with masks."""

    model_name = "cutout"
    objective = "val_iou"
    epochs = 30
    batch_size = 16
    learning_rate = 2e-3
    schedule = "cosine"
    search_space = {
        "learning_rate": Range(3e-4, 1e-2, log=True),
        "width": Choice((16, 32)),
        "schedule": Choice(("constant", "cosine")),
        "batch_size": Range(8, 32),
    }
    augmentations = ()
    needs_attributes = False
    scores_folders = True
    scores_masks = True
    evaluations: ClassVar[Sequence[str]] = ("training.evaluation.masks",)
    signatures = "export.signatures.cutting"

    def default_image_size(self, data_set):
        return DEFAULT_IMAGE_SIZE

    def import_model_class(self):
        return Cutout

    def build_model(self, config, data_set):
        model_class = self.import_model_class()
        return model_class(image_size=config.image_size, dtype=config.precision, **config.model_options)

    def compile_model(self, model, config, num_steps=None, **kwargs):
        model.compile(optimizer=FusedAdam(make_learning_rate(config, num_steps)), **kwargs)

    def check_data_set(self, data_set):
        check_has_masks(data_set)

    def choose_cache(self, config, data_set):
        return cutout_cache_choice(data_set, config.image_size)

    def make_training_batches(self, config, data_set, first_step):
        return self._make_batches(config, data_set, "train", is_training=True, first_step=first_step)

    def make_evaluation_batches(self, config, data_set, split):
        return self._make_batches(config, data_set, split)

    def make_answer(self, model):
        def make_photos(batch_size):
            return (tf.zeros((batch_size, TIMED_SIDE, TIMED_SIDE, 3), "uint8"),)

        return TimedAnswer(model.find_masks, make_photos, f"masking {TIMED_SIDE} x {TIMED_SIDE}")

    def draw_samples(self, model, config, data_set):
        config = dataclasses.replace(config, cache="none", batch_size=NUM_SAMPLES)  # one batch is enough
        raw_images, masks = next(self._make_batches(config, data_set, "validation").as_numpy_iterator())
        found = model(raw_images).numpy()
        shown = [
            np.hstack([raw_image, on_white(raw_image, wanted / 255.0), on_white(raw_image, opacity)])
            for raw_image, wanted, opacity in zip(raw_images, masks, found, strict=True)
        ]
        rows = [shown[start : start + SHEET_COLUMNS] for start in range(0, len(shown), SHEET_COLUMNS)]
        return PictureSheet(
            rows=rows, note="Each: the photo, its mask's cut-out and the network's, on white."
        )

    def _make_batches(self, config, data_set, split, **options):
        return make_cutout_batches(
            data_set,
            split,
            image_size=config.image_size,
            batch_size=config.batch_size,
            seed=config.seed,
            cache=config.cache,
            **options,
        )
