"""How the conditional VAE is trained."""

import dataclasses

import numpy as np

from training.data.data_sets import rendered_note
from training.input.augmentation import split_names
from training.pages.picture_sheet import PictureSheet
from training.recipes.attribute_recipe import AttributeRecipe, make_attribute_batches
from training.recipes.learning_rate import make_learning_rate
from training.recipes.search_space import Choice, Range
from zoo.conditional_vae.conditional_vae import ConditionalVAE
from zoo.pictures import pixels
from zoo.step.adam import FusedAdam


class ConditionalVAERecipe(AttributeRecipe):
    """Trains `zoo.conditional_vae.ConditionalVAE` on pictures with attributes."""

    model_name = "conditional_vae"
    epochs = 20
    batch_size = 64
    learning_rate = 1e-3
    objective = "val_psnr"
    model_options = {
        "latent_dim": 32,
        "width": 32,
        "depth": 0,
        "likelihood": "bernoulli",
        "kl_weight": 1.0,
        "kl_warm_up_steps": 0,
        "edit_weight": 0.0,
        "independence_weight": 0.0,
        "keep_detail": False,
        "edited_attributes": "all",
        "attribute_weight": 10.0,
    }
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
    """Returns the first picture of each value of the first attribute, with all its attributes.

    Args:
        config: Says the size of the pictures.
        data_set: Where they come from.
        split: Split they come from.

    Returns:
        uint8 array `[K, S, S, C]` and a dict of int32 arrays `[K]`; values that the split lacks are left out.
    """
    name, values = next(iter(data_set.attributes.items()))
    found = {}
    config = dataclasses.replace(config, cache="none")  # the first pictures usually suffice
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
