"""Recipe of the conditional VAE."""

import dataclasses

import numpy as np
import tensorflow as tf

from training.data.data_sets import rendered_note
from training.input.augmentation import split_names
from training.pages.picture_sheet import PictureSheet
from training.recipes.base.attribute_recipe import blank_pictures, make_attribute_batches
from training.recipes.base.generative_recipe import GenerativeRecipe
from training.recipes.base.learning_rate import make_learning_rate
from training.recipes.base.recipe import TimedAnswer
from training.recipes.base.search_space import Choice, Range
from zoo.conditional_vae.conditional_vae import ConditionalVAE
from zoo.pictures import pixels
from zoo.step.adam import FusedAdam


class ConditionalVAERecipe(GenerativeRecipe):
    """Trains `zoo.conditional_vae.ConditionalVAE` on photos with attributes."""

    model_name = "conditional_vae"
    epochs = 20
    batch_size = 64
    learning_rate = 1e-3
    objective = "val_psnr"
    option_words = {"edited_attributes": ("all", "Attributes whose edits are trained, e.g. colour, or all.")}
    part_groups = {"encoder": ("features", "posterior")}
    is_judge = True
    has_encoder = True
    evaluations = (
        *GenerativeRecipe.evaluations,
        "training.evaluation.reconstructions",
        "training.evaluation.edits",
    )
    signatures = "export.signatures.editing"
    search_space = {
        "learning_rate": Range(2e-4, 5e-3, log=True),
        "latent_dim": Range(8, 128, log=True),
        "width": Choice((16, 32, 48)),
        "kl_weight": Range(0.1, 4.0, log=True),
        "kl_warm_up_steps": Choice((0, 1000)),
        "likelihood": Choice(("bernoulli", "gaussian")),
    }

    def import_model_class(self):
        return ConditionalVAE

    def build_model(self, config, data_set):
        return ConditionalVAE(
            data_set.attributes,
            image_size=config.image_size,
            channels=data_set.image_shape[2],
            seed=config.seed,
            dtype=config.precision,
            **{**config.model_options, "edited_attributes": _edited_attributes(config)},
        )

    def compile_model(self, model, config, num_steps=None, **kwargs):
        model.compile(optimizer=FusedAdam(make_learning_rate(config, num_steps)), **kwargs)

    def make_answer(self, model):
        def edit(raw_images, value_ids):
            ids = dict.fromkeys(model.attributes, value_ids)
            return pixels.from_model_range(model.edit(raw_images, ids, ids), model.pixel_range)

        def make_pictures(batch_size):
            return (blank_pictures(model, batch_size), tf.zeros(batch_size, "int32"))

        return TimedAnswer(edit, make_pictures, "encoding and decoding")

    def draw_samples(self, model, config, data_set):
        raw_images, attribute_ids = first_of_each_value(config, data_set)
        name, values = next(iter(model.attributes.items()))
        rows = [list(raw_images), _to_uint8(model, model(raw_images, attribute_ids))]
        for value_id in range(len(values)):
            wanted = {**attribute_ids, name: np.full(len(raw_images), value_id, "int32")}
            rows.append(_to_uint8(model, model.edit(raw_images, attribute_ids, wanted)))
        return PictureSheet(
            rows=rows,
            column_labels=[values[value_id] for value_id in attribute_ids[name]],
            row_labels=["real", "reconstructed", *(f"as {value}" for value in values)],
            note=rendered_note(data_set),
        )


def _edited_attributes(config) -> tuple[str, ...]:
    names = config.model_options.get("edited_attributes", "all")
    return () if names == "all" else split_names(names)


def first_of_each_value(config, data_set, split: str = "validation"):
    """Returns the first photo with each value of the first attribute, and all the photos' attributes.

    Args:
        config: Configuration with the photos' size.
        data_set: The data set.
        split: The split to take photos from.

    Returns:
        uint8 array `[K, S, S, C]` and a dict of int32 arrays `[K]`, without the values that the split lacks.
    """
    name, values = next(iter(data_set.attributes.items()))
    found: dict[int, tuple[np.ndarray, dict[str, int]]] = {}
    config = dataclasses.replace(config, cache="none")  # the first batches usually suffice
    for raw_images, attribute_ids in make_attribute_batches(config, data_set, split).as_numpy_iterator():
        for row, value_id in enumerate(attribute_ids[name]):
            if value_id >= 0:  # known
                found.setdefault(
                    int(value_id), (raw_images[row], {k: v[row] for k, v in attribute_ids.items()})
                )
        if len(found) == len(values):
            break
    rows = [found[value_id] for value_id in sorted(found)]
    return np.stack([image for image, _ in rows]), {
        key: np.array([ids[key] for _, ids in rows], "int32") for key in data_set.attributes
    }


def _to_uint8(model, images) -> list[np.ndarray]:
    return list(pixels.from_model_range(images, model.pixel_range).numpy())
