"""`zoo presets`."""

import dataclasses
import json

import click

from zoo.cli import ZooCommand
from zoo.presets import Preset, list_presets, read_preset, score_value

MIB = 1 << 20
COLUMNS = ("preset", "model", "data", "licence of the weights", "MiB", "measured")


@click.command(cls=ZooCommand, example="zoo presets srcnn_x2")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Everything that is known, as JSON.")
def command(name, as_json):
    """List trained weights of the package, or tell all about the preset NAME."""
    presets = [read_preset(one) for one in ([name] if name else list_presets())]
    if as_json or name:
        described = {preset.name: _describe(preset) for preset in presets}
        click.echo(json.dumps(described[name] if name else described, indent=2))
    elif not presets:
        click.echo("This version ships no presets.")
    else:
        for line in _table([COLUMNS, *(_row(preset) for preset in presets)]):
            click.echo(line)


def _describe(preset: Preset) -> dict:
    values = dataclasses.asdict(preset)
    del values["directory"]
    return {**values, "num_bytes": preset.num_bytes}


def _row(preset: Preset) -> tuple[str, ...]:
    scores = preset.evaluation["scores"]
    headline = ", ".join(f"{name} {score_value(scores[name]):.4g}" for name in preset.headline_scores)
    size = f"{preset.num_bytes / MIB:.2f}"
    return preset.name, preset.model, preset.data["name"], preset.licence, size, headline


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
