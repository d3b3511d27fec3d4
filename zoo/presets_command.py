"""The command `zoo presets`, which lists the package's trained weights and describes each of them."""

import dataclasses
import json
from collections.abc import Callable

import click

from zoo.cli import ZooCommand
from zoo.presets.registry import Preset, list_presets, read_preset, score_value

MIB = 1 << 20
COLUMNS = ("preset", "model", "data", "licence of the weights", "MiB", "measured")


@click.command(cls=ZooCommand, example="zoo presets srcnn_x2")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print full descriptions as JSON.")
def command(name, as_json):
    """List the package's trained weights, or describe the preset NAME."""
    if name:
        preset = read_preset(name)
        click.echo(json.dumps(_describe(preset), indent=2) if as_json else _page(preset))
        return
    found, damaged = _render_each(_describe if as_json else _row)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        for line in _table([COLUMNS, *found.values()]):
            click.echo(line)
    elif not damaged:
        click.echo("This version ships no presets.")
    if damaged:
        raise click.ClickException("; ".join(damaged))


def _render_each(render: Callable) -> tuple[dict, list[str]]:
    """Renders each preset, and collects the error messages of those that cannot be read."""
    found, damaged = {}, []
    for name in list_presets():
        try:
            found[name] = render(read_preset(name))
        except ValueError as error:
            damaged.append(str(error))
    return found, damaged


def _describe(preset: Preset) -> dict:
    values = dataclasses.asdict(preset)
    del values["directory"]
    return {**values, "num_bytes": preset.num_bytes}


def _page(preset: Preset) -> str:
    """Returns what a user wants to know of a preset, a line for each fact; what is unknown has none."""
    data, evaluation = preset.data or {}, preset.evaluation or {}
    num_images = data.get("num_training_images")
    facts = {
        "model": f"{preset.model_class} (zoo train {preset.model})" if preset.model else preset.model_class,
        "size": f"{preset.num_bytes / MIB:.2f} MiB",
        "licence of the weights": preset.licence,
        "learned from": data.get("name") and f"{data['name']}, {num_images:,} photos",
        "licence of the photos": data.get("licence"),
        "training": preset.minutes and f"{preset.minutes:.0f} minutes on {preset.hardware}",
        "command": preset.command,
        "measured on": evaluation.get("dataset")
        and f"{evaluation['dataset']}, {evaluation.get('num_images', 0):,} photos",
    }
    facts |= {f"not good at {name}": why for name, why in (preset.weak_at or {}).items()}
    for attribute, values in (preset.model_config.get("attributes") or {}).items():
        facts[attribute] = ", ".join(values)
    if "styles" in preset.model_config:
        facts["styles"] = ", ".join(preset.model_config["styles"])
    lines = [preset.name, *(f"  {name}: {fact}" for name, fact in facts.items() if fact)]
    for name, score in (evaluation.get("scores") or {}).items():
        is_headline = name in (preset.headline_scores or ())
        lines.append(f"  {'*' if is_headline else ' '} {name}: {score_value(score):.4g}")
    return "\n".join([*lines, "All of it: zoo presets " + preset.name + " --json"])


def _row(preset: Preset) -> tuple[str, ...]:
    """Returns a preset's cells; what is unknown about its training leaves them empty."""
    data_name = preset.data["name"] if preset.data else ""
    scores = preset.evaluation["scores"] if preset.evaluation else {}
    headline = ", ".join(f"{name} {score_value(scores[name]):.4g}" for name in preset.headline_scores or ())
    size = f"{preset.num_bytes / MIB:.2f}"
    return preset.name, preset.model or "", data_name, preset.licence or "", size, headline


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
