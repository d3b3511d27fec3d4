"""Recipe of style transfer."""

import dataclasses

import numpy as np
import tensorflow as tf

from training.data.data_sets import rendered_note
from training.input import symmetries
from training.input.photo_patches import make_photo_patches
from training.pages.picture_sheet import PictureSheet
from training.recipes.base.learning_rate import make_learning_rate
from training.recipes.base.loss_network_option import choose_loss_network, loss_network_option
from training.recipes.base.photo_patch_recipe import PhotoPatchRecipe
from training.recipes.base.recipe import TimedAnswer
from training.recipes.base.search_space import Choice, Range
from training.style.losses import StyleLosses
from training.style.style_pictures import DRAWN, read_styles, style_names
from zoo.errors import WrongUsageError
from zoo.pictures import pixels
from zoo.step.adam import FusedAdam
from zoo.style.style_transfer import StyleTransfer

NUM_SAMPLES = 6
# Side in pixels of the photos that are stylised to measure speed.
TIMED_SIDE = 512
MAX_GRADIENT_NORM = 1.0
# Smaller patches leave the loss network's deeper layers nothing to repeat.
SMALLEST_PATCH = 64


class StyleRecipe(PhotoPatchRecipe):
    """Trains `zoo.style.style_transfer.StyleTransfer` against the features of a loss network."""

    model_name = "style"
    epochs = 4
    batch_size = 4
    learning_rate = 1e-3
    schedule = "cosine"
    option_words = {
        "styles": (DRAWN, f"Folder with a picture per style, or {DRAWN}: this project's own drawings.")
    }
    # The weights file of SqueezeNet v1.1, which only the training needs.
    optimizer_options = {"loss_network": ""}
    search_space = {
        "learning_rate": Range(2e-4, 4e-3, log=True),
        "batch_size": Choice((2, 4, 8)),
        "width": Choice((12, 16, 24)),
        "content_weight": Range(0.05, 1.0, log=True),
    }
    default_augmentations = ("flip",)
    objective = "val_loss"
    evaluations = ("training.evaluation.stylings",)
    signatures = "export.signatures.stylising"
    visible_options = ("styles",)
    patch_size = 256

    def import_model_class(self):
        return StyleTransfer

    def describe_optimizer_options(self):
        return (loss_network_option("judge style and content"),)

    def check_changes(self, config):
        super().check_changes(config)
        if config.image_size < SMALLEST_PATCH:
            raise WrongUsageError(
                f"`--image-size` must be at least {SMALLEST_PATCH} for style, because smaller patches hold "
                f"too little of a style. Received: --image-size {config.image_size}. Choose "
                f"e.g. {self.patch_size}."
            )

    def served_name(self, model):
        return "stylise"

    def build_model(self, config, data_set):
        options = {**config.model_options, "styles": style_names(config.model_options["styles"])}
        return self.import_model_class()(dtype=config.precision, **options)

    def compile_model(self, model, config, num_steps=None, **kwargs):
        # A loaded model draws without it; only its loss cannot be told then.
        weights = choose_loss_network(config, is_trained=num_steps is not None, is_required=True)
        losses = StyleLosses(weights, self._read_styles(model, config)) if weights else None
        optimizer = FusedAdam(make_learning_rate(config, num_steps), global_clipnorm=MAX_GRADIENT_NORM)
        model.compile(optimizer=optimizer, losses=losses, **kwargs)

    def make_answer(self, model):
        def make_pictures(batch_size):
            mixtures = tf.one_hot([0] * batch_size, len(model.styles))
            return (
                tf.zeros((batch_size, TIMED_SIDE, TIMED_SIDE, 3), "uint8"),
                mixtures,
                tf.ones([batch_size]),
            )

        def stylise(raw_images, mixtures, strengths):
            return pixels.round_to_uint8(model(raw_images, mixtures, strengths))

        return TimedAnswer(stylise, make_pictures, f"stylising {TIMED_SIDE} x {TIMED_SIDE}")

    def draw_samples(self, model, config, data_set):
        config = dataclasses.replace(config, cache="none", batch_size=NUM_SAMPLES)  # one batch is enough
        photos = next(self.make_patches(config, data_set, "validation").as_numpy_iterator())
        columns = [photos]
        for style in range(len(model.styles)):
            mixtures = tf.one_hot([style] * len(photos), len(model.styles))
            columns.append(model.stylise(photos, mixtures, tf.ones([len(photos)])).numpy())
        return PictureSheet(
            rows=[[np.asarray(column[row]) for column in columns] for row in range(len(photos))],
            column_labels=["photo", *model.styles],
            note=rendered_note(data_set),
        )

    def _read_styles(self, model, config) -> list[np.ndarray]:
        pictures = read_styles(config.model_options["styles"])
        if tuple(pictures) != tuple(model.styles):
            raise WrongUsageError(
                f"`--styles` must hold the model's styles, {', '.join(model.styles)}. Received: "
                f"{config.model_options['styles']} with {', '.join(pictures)}. Name the folder of before."
            )
        return list(pictures.values())

    def make_patches(self, config, data_set, split, augment=(), **options):
        mirror_and_turn = symmetries.Symmetries(augment)

        def change(step, photos):
            return mirror_and_turn({"photos": photos}, seed=[config.seed, step])["photos"]

        return make_photo_patches(
            data_set,
            split,
            change,
            patch_size=config.image_size,
            batch_size=config.batch_size,
            seed=config.seed,
            cache=config.cache,
            augment=augment,
            **options,
        )
