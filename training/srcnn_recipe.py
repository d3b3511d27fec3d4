"""How SRCNN is trained."""

import dataclasses

import keras
import numpy as np

from training.degradation import DEGRADATIONS
from training.learning_rate import make_learning_rate
from training.picture_sheet import PictureSheet
from training.recipe import Recipe, rendered_note
from training.super_resolution_pipeline import (
    AUGMENTATIONS,
    make_super_resolution_batches,
    pair_cache_choice,
)
from zoo import pixels
from zoo.psnr import psnr
from zoo.resize import bicubic
from zoo.srcnn import SRCNN

NUM_SAMPLES = 8


class SRCNNRecipe(Recipe):
    """Trains `zoo.srcnn.SRCNN` on patches of pictures, shrunk by antialiased bicubic interpolation."""

    model_name = "srcnn"
    epochs = 20
    batch_size = 64
    learning_rate = 1e-3
    model_options = {"upscale_factor": 2, "kernels": "9-1-5", "is_residual": False}
    augmentations = AUGMENTATIONS
    degradations = DEGRADATIONS

    def default_image_size(self, data_set):
        return min(data_set.image_shape[0] or 48, 48)

    def import_model_class(self):
        return SRCNN

    def build_model(self, config, data_set):
        return SRCNN(dtype=config.precision, **config.model_options)

    def compile_model(self, model, config, num_steps=None, **kwargs):
        model.compile(optimizer=keras.optimizers.Adam(make_learning_rate(config, num_steps)), **kwargs)

    def choose_cache(self, config, data_set):
        return pair_cache_choice(data_set, config.model_options["upscale_factor"])

    def make_training_batches(self, config, data_set, first_step):
        changes = {"augment": config.augment, "degrade": config.degrade}
        return self._make_batches(
            config, data_set, "train", shuffle=True, repeat=True, first_step=first_step, **changes
        )

    def make_evaluation_batches(self, config, data_set, split):
        return self._make_batches(config, data_set, split)

    def draw_samples(self, model, config, data_set):
        config = dataclasses.replace(config, cache="none")  # one batch is enough
        batches = self.make_evaluation_batches(config, data_set, "validation")
        low_res_images, high_res_images = next(batches.as_numpy_iterator())
        low_res_images, high_res_images = low_res_images[:NUM_SAMPLES], high_res_images[:NUM_SAMPLES]
        upscaled = model.upscale(low_res_images).numpy()
        return upscaling_sheet(low_res_images, upscaled, high_res_images, "SRCNN", rendered_note(data_set))

    def _make_batches(self, config, data_set, split, **options):
        factor = config.model_options["upscale_factor"]
        return make_super_resolution_batches(
            data_set,
            split,
            upscale_factor=factor,
            patch_size=config.image_size - config.image_size % factor,
            batch_size=config.batch_size,
            seed=config.seed,
            cache=config.cache,
            **options,
        )


def upscaling_sheet(low_res_images, upscaled_images, high_res_images, name: str, note: str) -> PictureSheet:
    """Puts low-res pictures, bicubic and learned enlargements and the originals side by side.

    Args:
        low_res_images: uint8 array `[N, h, w, C]`.
        upscaled_images: uint8 array `[N, s * h, s * w, C]`.
        high_res_images: uint8 array of the same shape: the originals.
        name: What made `upscaled_images`.
        note: Note at the foot of the sheet.

    Returns:
        A sheet with one picture a row and the PSNR in dB on luma under each enlargement.
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
