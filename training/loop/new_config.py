"""Makes a new training's configuration from flags, a file, the recipe and the data set."""

import dataclasses
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from training.data.data_sets import DEFAULT_DATASET, DataSet
from training.data.selection import open_data_set, select
from training.input.augmentation import split_names
from training.input.picture_cache import check_cache
from training.loop.precision import resolve_precision
from training.recipes.base.command import split_options
from training.recipes.base.learning_rate import check_schedule
from training.recipes.base.recipe import Recipe
from training.recipes.base.registry import find_recipe
from training.runs.config import TrainingConfig
from training.trained_model import Source, find_run_or_preset
from zoo.errors import WrongUsageError


def make_config(
    model: str | None, config_file: Path | None, given: Mapping[str, Any]
) -> tuple[TrainingConfig, DataSet]:
    """Makes the configuration of a new training.

    Args:
        model: Name of the model; None for the file's.
        config_file: A run's `config.json`, whose values are the defaults; None for the recipe's defaults.
        given: The user's values by names of `zoo train`'s options; they override the defaults.

    Returns:
        The configuration, and its data set, open.

    Raises:
        UnknownNameError: There is no such model, data set, option, schedule, augmentation or degradation.
        ValueError: The configuration does not fit the data set.
        WrongUsageError: The file, or the weights to start from, belong to another model.
    """
    base = vars(TrainingConfig.read(config_file)) if config_file else {}
    model = model or base["model"]
    recipe = find_recipe(model)
    if base and base["model"] != model:
        raise WrongUsageError(
            f"MODEL must be {base['model']}, because {config_file} configures it. Received: MODEL={model}. "
            "Omit MODEL or `--config`."
        )
    source = _find_source(given.get("init_from"), recipe)
    inherited = _inherited_values(source, recipe)
    own, others = split_options(recipe.options, dict(given))
    precision, reason = resolve_precision(given.get("precision") or base.get("precision") or "auto")
    click.echo(f"Precision: {precision} ({reason})", err=True)

    values = {
        "dataset": DEFAULT_DATASET,
        "data_dir": None,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "learning_rate": recipe.learning_rate,
        "schedule": recipe.schedule,
        "augment": recipe.default_augmentations,
        "seed": 0,
        **inherited,
        **base,
        **to_values(others),
        "model": model,
        "precision": precision,
    }
    for group in ("model_options", "optimizer_options"):
        defaults = getattr(recipe, group)
        values[group] = {
            **base.get(group, {**defaults, **inherited.get(group, {})}),
            **{name: own[name] for name in defaults if name in own},
        }
    if source is not None:
        values["init_from"] = source.reference
    data_set = open_data_set(values["dataset"], values["data_dir"])
    recipe.check_data_set(data_set)
    values.setdefault("image_size", recipe.default_image_size(data_set))
    values.setdefault("patches_per_image", recipe.default_patches_per_image(data_set))
    config = TrainingConfig(**values)
    recipe.check_changes(config)
    check_schedule(config.schedule)
    if recipe.takes_patches:
        _check_patches_fit(config, data_set)
    return config, select(data_set, config.only) if config.only else data_set


def _check_patches_fit(config: TrainingConfig, data_set: DataSet) -> None:
    # Of pictures of different sizes, the pipeline says how many are smaller.
    smallest = min((side for side in data_set.image_shape[:2] if side), default=config.image_size)
    if config.image_size > smallest:
        raise WrongUsageError(
            "`--image-size` must not exceed the pictures, because patches are cut from them and nothing is "
            f"enlarged. Received: --image-size {config.image_size} for {config.dataset}, whose pictures have "
            f"{smallest} pixels a side. Choose at most {smallest}, or build a data set of larger pictures."
        )


def to_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Converts values from the command line to the form in which a configuration holds them."""
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


def _find_source(init_from: str | None, recipe: Recipe) -> Source | None:
    if init_from is None:
        return None
    source = find_run_or_preset(init_from)
    fitting = (recipe.model_name, *recipe.same_networks)
    if source.config.model not in fitting:
        raise WrongUsageError(
            f"`--init-from` must name a run or preset of {' or '.join(fitting)}, because its weights must "
            f"fit the model. Received: --init-from {init_from}, a {source.config.model}."
        )
    return source


def _inherited_values(source: Source | None, recipe: Recipe) -> dict[str, Any]:
    """Returns the values that determine the shapes of the weights to start from."""
    if source is None:
        return {"model_options": {}}
    has_image_size = "image_size" in inspect.signature(recipe.import_model_class()).parameters
    return {
        "model_options": source.config.model_options,
        **({"image_size": source.config.image_size} if has_image_size else {}),
    }


def with_chosen_cache(config: TrainingConfig, data_set: DataSet) -> TrainingConfig:
    """Returns the configuration with its cache chosen by size, unless the user chose one.

    The choice is recorded, because a run resumed on a machine with less memory must keep its photos' order.
    """
    check_cache(config.cache)
    if config.cache is not None:
        return config
    return dataclasses.replace(config, cache=find_recipe(config.model).choose_cache(config, data_set))


def check_config(config: TrainingConfig, data_set: DataSet) -> None:
    """Raises `ValueError` or `WrongUsageError` if the configuration does not fit the data set."""
    recipe = find_recipe(config.model)
    recipe.check_changes(config)
    recipe.check_data_set(data_set)
