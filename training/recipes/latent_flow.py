"""Recipe of the flow in latents, which draws products from attributes and words."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import tensorflow as tf

from training.data.data_sets import DataSet, rendered_note
from training.input.captions import caption_meanings, caption_words, make_captions
from training.input.descriptions import frequent_words, read_descriptions
from training.input.pipeline import ROW, prefetch_untuned
from training.input.unseen_pairs import replace_unseen
from training.recipes.base.attribute_recipe import make_attribute_batches
from training.recipes.base.generative_recipe import GenerativeRecipe
from training.recipes.base.latent_sheets import sheet_by_value
from training.recipes.base.learning_rate import make_learning_rate
from training.recipes.base.option import Option, to_click_type
from training.recipes.base.search_space import Choice, Range
from training.runs.model_file import load_model_file
from training.runs.run_directory import CONFIG, read_config
from zoo.errors import WrongUsageError
from zoo.hyperparameters import Share
from zoo.latent_flow.autoencoder import Autoencoder
from zoo.latent_flow.latent_flow import LatentFlow
from zoo.latent_flow.words import to_word_ids
from zoo.pictures import pixels
from zoo.step.adam import FusedAdam

SAMPLE_ROWS = 4
UNSEEN_PAIRS = "unseen_pairs"
MAX_GRADIENT_NORM = 1.0
# Pictures on which the moments of the latents are measured.
MEASURED_BATCHES = 32


class LatentFlowRecipe(GenerativeRecipe):
    """Trains `zoo.latent_flow.latent_flow.LatentFlow` on photos with attributes, and descriptions if any."""

    model_name = "latent_flow"
    epochs = 150
    batch_size = 64
    learning_rate = 1e-3
    schedule = "cosine"
    option_words = {
        "autoencoder": (
            "autoencoder_clothing_128",
            "Run directory or preset of the autoencoder in whose latents to draw.",
        )
    }
    fixed_arguments: ClassVar[Sequence[str]] = (*GenerativeRecipe.fixed_arguments, "words", "meanings")
    # Unlike that of adversarial networks, its loss says how good the pictures are.
    objective = "val_loss"
    draws_slowly = True
    search_space = {
        "learning_rate": Range(2e-4, 3e-3, log=True),
        "width": Choice((48, 64, 96)),
        "depth": Choice((1, 2)),
        "ema_momentum": Choice((0.99, 0.995, 0.999)),
    }
    default_augmentations = ("flip",)
    signatures = "export.signatures.describing"
    visible_options = ("image_size", "channels", "words")

    # Share of the pairs of values that are kept out of training, to measure how the model combines them.
    optimizer_options = {UNSEEN_PAIRS: 0.0}

    def import_model_class(self):
        return LatentFlow

    def describe_optimizer_options(self):
        text = "Share of the pairs of values of two attributes to keep out of training, to measure with them."
        return (Option(UNSEEN_PAIRS, "--unseen-pairs", to_click_type(Share, UNSEEN_PAIRS), 0.0, text),)

    def build_model(self, config, data_set):
        options = dict(config.model_options)
        trained = _load_autoencoder(options.pop("autoencoder"))
        if (trained.image_size, trained.channels) != (config.image_size, data_set.image_shape[2]):
            raise WrongUsageError(
                f"The autoencoder must fit the data set: {config.image_size} pixels a side with "
                f"{data_set.image_shape[2]} channels. Received: {config.model_options['autoencoder']}, for "
                f"{trained.image_size} pixels with {trained.channels}. Train another one."
            )
        model = LatentFlow(
            data_set.attributes,
            trained.get_config(),
            _find_words(data_set, read_descriptions(data_set, "train")),
            caption_meanings(data_set.attributes),
            seed=config.seed,
            dtype=config.precision,
            **options,
        )
        model.autoencoder.set_weights(trained.get_weights())
        photos = make_attribute_batches(config, data_set, "train").take(MEASURED_BATCHES)
        model.measure_latents(raw_images for raw_images, _ in photos)
        return model

    def compile_model(self, model, config, num_steps=None, **kwargs):
        optimizer = FusedAdam(
            make_learning_rate(config, num_steps), beta_2=0.99, global_clipnorm=MAX_GRADIENT_NORM
        )
        model.compile(optimizer=optimizer, **kwargs)

    def make_training_batches(self, config, data_set, first_step):
        return _make_batches(config, data_set, "train", first_step)

    def make_evaluation_batches(self, config, data_set, split):
        return _make_batches(config, data_set, split)

    def draw_samples(self, model, config, data_set):
        name, values = next(iter(model.attributes.items()))
        count = SAMPLE_ROWS * len(values)
        latents = tf.random.stateless_normal((count, model.latent_dim), seed=(config.seed, 1))
        attribute_ids = dict.fromkeys(model.attributes, np.full(count, -1, "int32"))
        attribute_ids[name] = np.arange(count, dtype="int32") % len(values)
        images = pixels.from_model_range(model(latents, attribute_ids), model.pixel_range).numpy()
        return sheet_by_value(images, values, rendered_note(data_set))

    def draw_traversals(self, model, config):
        return None  # of a thousand latents none does anything that people could name


def _load_autoencoder(text: str) -> Autoencoder:
    """Loads the model of a finished run, or a preset."""
    if not (Path(text) / CONFIG).exists():
        return Autoencoder.from_preset(text)
    kind = read_config(Path(text)).model
    if kind != "autoencoder":
        raise WrongUsageError(
            f"`--autoencoder` must be a run or a preset of autoencoder. Received: {text}, a run of {kind}. "
            "Train one: zoo train autoencoder."
        )
    return load_model_file(Path(text))


def _make_batches(config, data_set: DataSet, split: str, first_step: int | None = None):
    """Makes batches of photos, their attributes, and the words of their descriptions or captions."""
    texts = read_descriptions(data_set, split)
    batches = make_attribute_batches(config, data_set, split, first_step, with_rows=texts is not None)
    words = _find_words(data_set, texts if split == "train" else read_descriptions(data_set, "train"))

    def add_words(step, batch):
        raw_images, columns = batch
        if first_step is not None:
            share = config.optimizer_options.get(UNSEEN_PAIRS, 0.0)
            raw_images, columns = replace_unseen(data_set.attributes, share, raw_images, columns)
        ids = {name: columns[name] for name in data_set.attributes}
        captions = make_captions(data_set.attributes, raw_images, ids, [config.seed, step])
        if texts is not None:
            own = tf.gather(tf.constant(texts), columns[ROW])
            captions = tf.where(own == "", captions, own)
        return raw_images, ids, to_word_ids(words, captions)

    return prefetch_untuned(
        batches.enumerate(first_step or 0).map(add_words, num_parallel_calls=tf.data.AUTOTUNE)
    )


def _find_words(data_set: DataSet, texts) -> list[str]:
    """Returns the vocabulary of a data set's captions and of its training descriptions, if it has any."""
    own = [] if texts is None else frequent_words(texts)
    return sorted({*caption_words(data_set.attributes), *own})
