"""Recipe of the cleaning model."""

import dataclasses

import numpy as np
import tensorflow as tf

from training.data.data_sets import rendered_note
from training.input.cleaning_pipeline import make_cleaning_batches
from training.pages.picture_sheet import PictureSheet
from training.recipes.base.learning_rate import make_learning_rate
from training.recipes.base.photo_patch_recipe import PhotoPatchRecipe
from training.recipes.base.recipe import TimedAnswer
from training.recipes.base.search_space import Choice, Range
from zoo.cleaning.cleaner import Cleaner
from zoo.pictures import pixels
from zoo.pictures.psnr import psnr
from zoo.step.adam import FusedAdam

NUM_SAMPLES = 8
# Side in pixels of the photos that are cleaned to measure speed.
TIMED_SIDE = 256
# Undamaged photos make single steps large.
MAX_GRADIENT_NORM = 1.0
# Photos in their original size hold many patches.
PATCHES_PER_ORIGINAL = 4


class CleanRecipe(PhotoPatchRecipe):
    """Trains `zoo.cleaning.cleaner.Cleaner` on photos that it damages itself."""

    model_name = "clean"
    epochs = 20
    batch_size = 16
    learning_rate = 1e-3
    schedule = "cosine"
    patch_size = 96
    search_space = {
        "learning_rate": Range(2e-4, 4e-3, log=True),
        "batch_size": Choice((8, 16, 32)),
        "depth": Choice((6, 8, 10)),
        "width": Choice((24, 32, 48)),
    }
    default_augmentations = ("flip", "turn")
    objective = "val_psnr"
    evaluations = ("training.evaluation.cleanings",)
    signatures = "export.signatures.cleaning"

    def default_patches_per_image(self, data_set):
        return PATCHES_PER_ORIGINAL if None in data_set.image_shape else 1

    def import_model_class(self):
        return Cleaner

    def to_answer(self, model):
        return model.merged()

    def to_train(self, model):
        return model.unmerged()

    def build_model(self, config, data_set):
        return self.import_model_class()(dtype=config.precision, **config.model_options)

    def make_answer(self, model):
        def make_pictures(batch_size):
            return (tf.zeros((batch_size, TIMED_SIDE, TIMED_SIDE, 3), "uint8"), tf.fill([batch_size], 0.5))

        def clean(raw_images, damage):
            return pixels.round_to_uint8(model(raw_images, damage))

        return TimedAnswer(clean, make_pictures, f"cleaning {TIMED_SIDE} x {TIMED_SIDE}")

    def compile_model(self, model, config, num_steps=None, **kwargs):
        optimizer = FusedAdam(make_learning_rate(config, num_steps), global_clipnorm=MAX_GRADIENT_NORM)
        model.compile(optimizer=optimizer, **kwargs)

    def draw_samples(self, model, config, data_set):
        config = dataclasses.replace(config, cache="none")  # one batch is enough
        batches = self.make_patches(config, data_set, "validation")
        damaged, undamaged, damage = next(batches.as_numpy_iterator())
        damaged, undamaged = damaged[:NUM_SAMPLES], undamaged[:NUM_SAMPLES]
        estimates = model.estimate_damage(damaged).numpy()
        cleaned = model.clean(damaged).numpy()
        rows, captions = [], []
        for row in range(len(damaged)):
            rows.append([np.asarray(images[row]) for images in (damaged, cleaned, undamaged)])
            scores = [_luma_psnr(images[row], undamaged[row]) for images in (damaged, cleaned)]
            captions.append(
                [
                    f"JPEG {damage[row][0]:.2f}, noise {damage[row][1]:.2f}, {scores[0]:.1f} dB",
                    f"judged {estimates[row][0]:.2f}, {estimates[row][1]:.2f}, {scores[1]:.1f} dB",
                    "",
                ]
            )
        return PictureSheet(
            rows=rows,
            column_labels=["damaged", "cleaned", "original"],
            captions=captions,
            note=rendered_note(data_set),
        )

    def make_patches(self, config, data_set, split, **options):
        return make_cleaning_batches(
            data_set,
            split,
            patch_size=config.image_size,
            batch_size=config.batch_size,
            seed=config.seed,
            cache=config.cache,
            **options,
        )


def _luma_psnr(image, other) -> float:
    return float(psnr(pixels.to_luma(image[np.newaxis]), pixels.to_luma(other[np.newaxis]))[0])
