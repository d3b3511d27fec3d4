"""The configuration of a new training: of flags, a file, the recipe and the data set."""

import dataclasses
import inspect

import click

from training.data.data_sets import DataSet, load_data_set
from training.data.selection import open_data_set
from training.input.picture_cache import check_cache
from training.loop.precision import resolve_precision
from training.recipes.learning_rate import check_schedule
from training.recipes.model_flags import MODEL_OPTIONS
from training.recipes.recipes import RECIPES, find_recipe
from training.runs.config import TrainingConfig
from zoo.errors import UnknownNameError


def make_config(model, config_file, given):
    """Returns the configuration of a training: of a file if any, the recipe, and what is given besides."""
    base = vars(TrainingConfig.read(config_file)) if config_file else {}
    model = model or base["model"]
    if model not in RECIPES:
        raise UnknownNameError("model", model, RECIPES)
    if base and base["model"] != model:
        raise click.UsageError(f"{config_file} is for {base['model']}. Received also: MODEL={model}.")
    recipe = RECIPES[model]
    source = _find_source(given.get("init_from"), recipe)
    inherited = _inherited_values(source, recipe)

    flags = {name: flag for flag, name, _, _ in MODEL_OPTIONS}
    wanted = {name: value for name, value in given.items() if name in flags}
    known_options = {**recipe.model_options, **recipe.optimizer_options}
    for name in wanted:
        if name not in known_options:
            known = [flags[option] for option in known_options]
            raise UnknownNameError(f"option of {model}", flags[name], known)
    precision, reason = resolve_precision(given.get("precision") or base.get("precision") or "auto")
    click.echo(f"Precision: {precision} ({reason})", err=True)

    values = {
        "dataset": "fashion_mnist",
        "data_dir": None,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "learning_rate": recipe.learning_rate,
        "schedule": recipe.schedule,
        "augment": recipe.default_augmentations,
        "seed": 0,
        **inherited,
        **base,
        **{name: value for name, value in to_values(given).items() if name not in flags},
        "model": model,
        "precision": precision,
        **{
            group: {
                **base.get(group, {**getattr(recipe, group), **inherited.get(group, {})}),
                **{name: wanted[name] for name in getattr(recipe, group) if name in wanted},
            }
            for group in ("model_options", "optimizer_options")
        },
    }
    if source is not None:
        values["init_from"] = source.reference
    data_set = load_data_set(values["dataset"], values["data_dir"])
    recipe.check_data_set(data_set)
    values.setdefault("image_size", recipe.default_image_size(data_set))
    values.setdefault("patches_per_image", recipe.default_patches_per_image(data_set))
    config = TrainingConfig(**values)
    data_set = open_data_set(config.dataset, config.data_dir, config.only)
    recipe.check_changes(config)
    check_schedule(config.schedule)
    return with_chosen_cache(config, data_set)


def to_values(given) -> dict:
    """Returns what a configuration holds for what the command line takes."""
    from training.input.augmentation import split_names

    values = {name: value for name, value in given.items() if value is not None}
    for name in ("augment", "degrade", "freeze"):
        if name in values:
            values[name] = split_names(values[name])
    if "data_dir" in values:
        values["data_dir"] = str(values["data_dir"])
    if values.get("early_stop") == "none":
        values["early_stop"] = None
    if values.get("precision") == "auto":
        del values["precision"]
    return values


def _find_source(init_from, recipe):
    from training.trained_model import find_run_or_preset

    if init_from is None:
        return None
    source = find_run_or_preset(init_from)
    if source.config.model != recipe.model_name:
        raise click.UsageError(
            f"A training must begin with weights of its own model. Received: --init-from {init_from}, "
            f"a {source.config.model}, for MODEL={recipe.model_name}."
        )
    return source


def _inherited_values(source, recipe) -> dict:
    """Returns what decides the shapes of the weights that a training begins with."""
    if source is None:
        return {"model_options": {}}
    has_image_size = "image_size" in inspect.signature(recipe.import_model_class()).parameters
    return {
        "model_options": source.config.model_options,
        **({"image_size": source.config.image_size} if has_image_size else {}),
    }


def with_chosen_cache(config: TrainingConfig, data_set: DataSet) -> TrainingConfig:
    """Returns the configuration with its cache chosen by size, unless the user chose one.

    What is chosen is recorded, so that a run goes on in the same order on a machine with less memory.
    """
    check_cache(config.cache)
    if config.cache is not None:
        return config
    return dataclasses.replace(config, cache=find_recipe(config.model).choose_cache(config, data_set))


def check_config(config: TrainingConfig, data_set: DataSet) -> None:
    """Raises `ValueError` or `WrongUsageError` if a data set cannot be trained on as a configuration says."""
    recipe = find_recipe(config.model)
    recipe.check_changes(config)
    recipe.check_data_set(data_set)
