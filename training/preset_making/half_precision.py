"""Checks that rounding a model's weights to half precision changes neither its scores nor its pictures."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np

from training.trained_model import Source
from zoo.presets.registry import score_value

# Largest allowed change of scores: absolute for those in decibels, relative for all others.
MAX_DB_CHANGE = 0.01
MAX_RELATIVE_CHANGE = 0.01
# Largest allowed mean change of a sample sheet's pictures, in grey levels.
MAX_PICTURE_CHANGE = 0.5


def compare_half(source: Source, weights: Path) -> None:
    """Prints a model's scores before and after rounding its weights, and the change of its pictures.

    Args:
        source: The trained model.
        weights: The rounded weights, written by `zoo.presets.from_preset.save_weights`.

    Raises:
        RuntimeError: A score or the pictures change too much.
    """
    from training.data.selection import open_data_set
    from training.recipes.base.registry import find_recipe
    from zoo.presets.from_preset import load_weights

    recipe = find_recipe(source.config.model)
    config = dataclasses.replace(source.config, cache=None)
    data_set = open_data_set(config.dataset, config.data_dir, config.only)
    rounded = source.load_model()
    load_weights(rounded, weights)
    before, after = (
        {name: score_value(value) for name, value in recipe.score(model, config, data_set).items()}
        for model in (source.model, rounded)
    )
    for name, value in before.items():
        click.echo(f"{name}: {value:.6g} in float32, {after[name]:.6g} in float16")
    check_half_scores(before, after)
    sheets = [recipe.draw_samples(model, config, data_set) for model in (source.model, rounded)]
    _check_pictures(*([image for row in sheet.rows for image in row] for sheet in sheets))


def check_half_scores(before: Mapping[str, float], after: Mapping[str, float]) -> None:
    """Compares scores before and after rounding the weights to float16.

    Args:
        before: Scores by name; names of PSNRs, in dB, end in `psnr`.
        after: The same scores after rounding.

    Raises:
        RuntimeError: A score differs by more than `MAX_DB_CHANGE` or `MAX_RELATIVE_CHANGE`.

    Example:

    >>> check_half_scores({"psnr": 36.6}, {"psnr": 36.5})
    Traceback (most recent call last):
    RuntimeError: Half precision must not change a score by more than 0.01. Received: psnr=36.5, ...
    """
    for name, value in before.items():
        bound = MAX_DB_CHANGE if name.endswith("psnr") else MAX_RELATIVE_CHANGE * abs(value)
        if not abs(after[name] - value) <= bound:
            raise RuntimeError(
                f"Half precision must not change a score by more than {bound:.3g}. Received: "
                f"{name}={after[name]:.6g}, before: {value:.6g}. Leave out `--half`."
            )


def _check_pictures(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> None:
    changes = [np.abs(one.astype("float32") - other).mean() for one, other in zip(before, after, strict=True)]
    change = float(np.mean(changes))
    click.echo(f"sample sheet: changes by {change:.3g} grey levels on average")
    if not change <= MAX_PICTURE_CHANGE:
        raise RuntimeError(
            f"Half precision must not change the sample sheet by more than {MAX_PICTURE_CHANGE} grey levels "
            f"on average. Received: {change:.3g}. Leave out `--half`."
        )
