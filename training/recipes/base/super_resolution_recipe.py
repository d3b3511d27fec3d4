"""The base class of recipes for super-resolution models."""

import dataclasses

import numpy as np
import tensorflow as tf

from training.data.data_sets import rendered_note
from training.input.degradation import DEGRADATIONS
from training.input.super_resolution_pipeline import (
    AUGMENTATIONS,
    make_super_resolution_batches,
    make_whole_pairs,
    pair_cache_choice,
)
from training.pages.picture_sheet import PictureSheet
from training.recipes.base.learning_rate import make_learning_rate
from training.recipes.base.recipe import Recipe, TimedAnswer
from zoo.pictures import pixels
from zoo.pictures.psnr import psnr
from zoo.pictures.resize import bicubic
from zoo.step.adam import FusedAdam

NUM_SAMPLES = 8
# Side in pixels of the low-res images that are enlarged to measure speed.
TIMED_SIDE = 64
# Photos in their original size hold many patches; this way a few dozen photos still make an epoch of some
# hundred steps.
PATCHES_PER_ORIGINAL = 64


class SuperResolutionRecipe(Recipe):
    """Trains a `zoo.super_resolution.SuperResolution` on patches shrunk by antialiased bicubic interpolation.

    Evaluates whole photos, as the papers do, if the data set holds them in their original sizes; otherwise
    patches.

    Attributes:
        patch_size: Default side of the patches in pixels.
        optimizer_class: Class of the optimizer.
    """

    patch_size: int
    optimizer_class = FusedAdam
    augmentations = AUGMENTATIONS
    degradations = DEGRADATIONS
    needs_attributes = False
    takes_patches = True
    objective = "val_psnr"
    option_flags = {"upscale_factor": "--factor"}
    scores_folders = True
    evaluations = ("training.evaluation.enlargements",)
    signatures = "export.signatures.upscaling"
    visible_options = ("upscale_factor",)
    converts_to_tflite = True

    def default_image_size(self, data_set):
        return min(data_set.image_shape[0] or self.patch_size, self.patch_size)

    def default_patches_per_image(self, data_set):
        return PATCHES_PER_ORIGINAL if None in data_set.image_shape else 1

    def build_model(self, config, data_set):
        return self.import_model_class()(dtype=config.precision, **config.model_options)

    def make_answer(self, model):
        def upscale(raw_images):
            return pixels.round_to_uint8(model(raw_images))

        def make_pictures(batch_size):
            return (tf.zeros((batch_size, TIMED_SIDE, TIMED_SIDE, model.channels), "uint8"),)

        return TimedAnswer(upscale, make_pictures, f"enlarging {TIMED_SIDE} x {TIMED_SIDE}")

    def served_name(self, model):
        return f"{self.model_name}_x{model.upscale_factor}"

    def compile_model(self, model, config, num_steps=None, **kwargs):
        model.compile(optimizer=self.optimizer_class(make_learning_rate(config, num_steps)), **kwargs)

    def choose_cache(self, config, data_set):
        factor = config.model_options["upscale_factor"]
        return pair_cache_choice(data_set, factor, _patch_size(config), config.augment)

    def make_training_batches(self, config, data_set, first_step):
        changes = {"augment": config.augment, "degrade": config.degrade}
        return self._make_patches(
            config, data_set, "train", shuffle=True, repeat=True, first_step=first_step, **changes
        )

    def make_evaluation_batches(self, config, data_set, split):
        if None in data_set.image_shape:
            return make_whole_pairs(data_set, split, upscale_factor=config.model_options["upscale_factor"])
        return self._make_patches(config, data_set, split)

    def draw_samples(self, model, config, data_set):
        config = dataclasses.replace(config, cache="none")  # one batch is enough
        batches = self._make_patches(config, data_set, "validation")
        low_res_images, high_res_images = next(batches.as_numpy_iterator())
        low_res_images, high_res_images = low_res_images[:NUM_SAMPLES], high_res_images[:NUM_SAMPLES]
        upscaled = model.upscale(low_res_images).numpy()
        return upscaling_sheet(
            low_res_images, upscaled, high_res_images, config.model.upper(), rendered_note(data_set)
        )

    def _make_patches(self, config, data_set, split, **options):
        return make_super_resolution_batches(
            data_set,
            split,
            upscale_factor=config.model_options["upscale_factor"],
            patch_size=_patch_size(config),
            batch_size=config.batch_size,
            seed=config.seed,
            cache=config.cache,
            **options,
        )


def _patch_size(config) -> int:
    return config.image_size - config.image_size % config.model_options["upscale_factor"]


def upscaling_sheet(low_res_images, upscaled_images, high_res_images, name: str, note: str) -> PictureSheet:
    """Shows low-res images, their bicubic and learned enlargements, and the originals side by side.

    Args:
        low_res_images: uint8 array `[N, h, w, C]`.
        upscaled_images: uint8 array `[N, s * h, s * w, C]`.
        high_res_images: The originals, uint8 array of the same shape.
        name: Name of the model that made `upscaled_images`.
        note: Note at the foot of the sheet.

    Returns:
        A sheet with one photo per row, and under each enlargement its PSNR on luma in dB.
    """
    height, width = high_res_images.shape[1:3]
    border = height // low_res_images.shape[1]
    interpolated = pixels.round_to_uint8(bicubic(low_res_images, height, width)).numpy()
    high_res_luma = pixels.to_luma(high_res_images)
    rows, captions = [], []
    for row in range(len(low_res_images)):
        rows.append([low_res_images[row], interpolated[row], upscaled_images[row], high_res_images[row]])
        scores = [
            float(psnr(high_res_luma[row : row + 1], pixels.to_luma(images[row : row + 1]), border)[0])
            for images in (interpolated, upscaled_images)
        ]
        captions.append(["", *(f"{score:.2f} dB" for score in scores), ""])
    return PictureSheet(
        rows=[[np.asarray(image) for image in row] for row in rows],
        column_labels=["low-res", "bicubic", name, "original"],
        captions=captions,
        note=note,
    )
