"""Reads and writes search spaces as JSON files."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.input.augmentation import split_names
from training.recipes.base.recipe import Recipe
from training.recipes.base.search_space import CONFIG_NAMES, Choice, Range, SearchSpace
from training.runs.config import TrainingConfig
from zoo.errors import UnknownNameError, WrongUsageError


def read_search_space(path: Path, recipe: Recipe) -> SearchSpace:
    """Reads a user's search space.

    Args:
        path: A JSON file such as `{"learning_rate": {"low": 1e-4, "high": 1e-2, "log": true}, "width":
            {"values": [16, 32]}}`.
        recipe: The recipe of the model.

    Returns:
        Ranges and choices by option name.

    Raises:
        FileNotFoundError: There is no such file.
        UnknownNameError: The model has no such option, or a range or choice has no such field.
        WrongUsageError: The file is not such a JSON file, or a range or choice is invalid.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WrongUsageError(
            f"A search space must be a JSON file. Received: {path} ({error}). Correct the file."
        ) from error
    if not isinstance(content, dict) or not content:
        raise WrongUsageError(
            f"A search space must be a JSON object with at least one option. Received: {path}, which holds "
            f'{content!r}. Example: {{"width": {{"values": [16, 32]}}}}.'
        )
    return {name: _to_domain(name, value, recipe) for name, value in content.items()}


def _to_domain(name: str, value: Any, recipe: Recipe) -> Range | Choice:
    known = [*CONFIG_NAMES, *recipe.model_options, *recipe.optimizer_options]
    if name not in known:
        raise UnknownNameError(f"option of {recipe.model_name} to search", name, known)
    kind = Choice if isinstance(value, dict) and "values" in value else Range
    fields = {field.name for field in dataclasses.fields(kind)}
    if not isinstance(value, dict):
        raise WrongUsageError(
            f'{name} must be {{"low": NUMBER, "high": NUMBER, "log": true}} or {{"values": [...]}}. '
            f"Received: {value!r}."
        )
    for field in value:
        if field not in fields:
            raise UnknownNameError(f"field of {name}", field, sorted(fields))
    missing = [field.name for field in dataclasses.fields(kind)][: 2 if kind is Range else 1]
    missing = [field for field in missing if field not in value]
    if missing:
        raise WrongUsageError(f"{name} must have the field `{missing[0]}`. Received: {value!r}.")
    return kind(**value)


def to_json(space: SearchSpace) -> dict[str, Any]:
    """Converts a search space to the form that `read_search_space` reads."""
    return {name: dataclasses.asdict(domain) for name, domain in space.items()}


def with_values(config: TrainingConfig, values: Mapping[str, Any], recipe: Recipe) -> TrainingConfig:
    """Returns a trial's configuration.

    Args:
        config: Configuration that all trials share.
        values: The hyperparameters to try, by name.
        recipe: The model's recipe.
    """
    changes: dict[str, Any] = {
        group: {
            **vars(config)[group],
            **{name: values[name] for name in getattr(recipe, group) if name in values},
        }
        for group in ("model_options", "optimizer_options")
    }
    changes |= {name: values[name] for name in CONFIG_NAMES if name in values}
    if "augment" in values:
        changes["augment"] = split_names(values["augment"])
    return dataclasses.replace(config, **changes)
