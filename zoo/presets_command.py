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
    """List the package's trained weights, or describe the preset NAME in full."""
    if name:
        click.echo(json.dumps(_describe(read_preset(name)), indent=2))
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
