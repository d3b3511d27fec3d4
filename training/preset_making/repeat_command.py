"""Reconstructs the command line that repeats a training."""

import csv
import dataclasses
import io
import shlex
from collections.abc import Sequence

import click

from training.recipes.base.command import options_of_model
from training.recipes.base.registry import find_recipe
from training.runs.config import TrainingConfig


def command_line(config: TrainingConfig, parameters: Sequence[click.Parameter]) -> str:
    """Returns a configuration's `zoo train` command, without options at their default.

    Args:
        config: Configuration of the training.
        parameters: The parameters that `zoo train` has for every model.

    Example:

    >>> from training import train_command
    >>> options = {"kernels": "9-5-5"}
    >>> command_line(
    ...     TrainingConfig("srcnn", "fashion_mnist", 2, 64, 28, 1e-3, "float32", model_options=options),
    ...     train_command.command.params,
    ... )
    'zoo train srcnn --epochs 2 --image-size 28 --precision float32 --kernels 9-5-5'
    """
    recipe = find_recipe(config.model)
    defaults = {
        field.name: field.default
        for field in dataclasses.fields(config)
        if field.default is not dataclasses.MISSING
    }
    of_recipe = ("epochs", "batch_size", "learning_rate", "schedule")
    defaults |= {name: getattr(recipe, name) for name in of_recipe}
    defaults |= {"dataset": "fashion_mnist", "augment": tuple(recipe.default_augmentations)}
    defaults |= {**recipe.model_options, **recipe.optimizer_options}
    values = {**vars(config), **config.model_options, **config.optimizer_options}
    words = ["zoo", "train", config.model]
    for option in [*parameters, *options_of_model(config.model)]:
        value = values.get(option.name)
        if option.name != "model" and value is not None and value != defaults.get(option.name):
            words += _to_words(option, value)
    return shlex.join(words)


def _to_words(option, value) -> list[str]:
    if isinstance(value, bool):
        return [(option.opts if value else option.secondary_opts)[0]]
    if isinstance(value, dict):  # a repeatable option
        texts = [f"{name}={_as_csv(values)}" for name, values in value.items()]
        return [word for text in texts for word in (option.opts[0], text)]
    text = ",".join(value) or "none" if isinstance(value, tuple) else str(value)
    return [option.opts[0], text]


def _as_csv(values) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()
