"""The command `python -m training.make_preset RUN NAME`, which turns an evaluated run into a preset."""

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path

import click

from training import train_command
from training.preset_making.half_precision import compare_half
from training.preset_making.hardware import describe_hardware
from training.runs import run_directory
from training.runs.config import TrainingConfig
from training.runs.git_commit import git_commit
from training.runs.library_versions import library_versions
from training.trained_model import Source, find_run, read_evaluation
from zoo.cli import ZooCommand, main
from zoo.errors import UnknownNameError
from zoo.files.atomic_write import atomic_directory
from zoo.presets import registry
from zoo.presets.registry import Preset

NUM_HEADLINE_SCORES = 3


def make_preset(
    run: Path,
    name: str,
    *,
    licence_data: str,
    licence_weights: str,
    is_half: bool = False,
    hardware: str | None = None,
    headline_scores: tuple[str, ...] = (),
    weak_at: Mapping[str, str] | None = None,
    output: Path | None = None,
) -> Preset:
    """Writes the two files of a preset.

    Args:
        run: A finished and evaluated run.
        name: Name of the preset: lower-case letters, digits and `_`.
        licence_data: Licence and origin of the training pictures.
        licence_weights: Licence of the weights.
        is_half: Whether to store the weights in float16.
        hardware: Hardware that the run was trained on; this machine by default.
        headline_scores: Names of the scores to show in lists; the first ones by default.
        weak_at: As for `Preset`.
        output: Directory of presets; the package's own by default.

    Returns:
        The preset.

    Raises:
        FileNotFoundError: The run does not exist, has not finished or has not been evaluated.
        RuntimeError: Half precision changes a score or the pictures too much.
        UnknownNameError: A headline score does not exist.
        ValueError: The name is invalid or taken, or a weight is not finite.
    """
    output = output or registry.DIRECTORY
    _check_name(name, output)
    source = find_run(run)
    evaluation = read_evaluation(run)
    # Speed and memory depend on the machine and its other load more than on the model.
    scores = {name: score for name, score in evaluation["scores"].items() if not _is_of_machine(score)}
    evaluation = {**evaluation, "scores": scores}
    for score in headline_scores:
        if score not in scores:
            raise UnknownNameError("score", score, scores)

    with atomic_directory(output / name) as directory:
        weights = _write_weights(source, directory / registry.WEIGHTS, is_half)
        if is_half:
            compare_half(source, directory / registry.WEIGHTS)
        preset = Preset(
            name=name,
            licence=licence_weights,
            hardware=hardware or describe_hardware(),
            git_commit=git_commit(),
            versions=library_versions(),
            evaluation=evaluation,
            headline_scores=list(headline_scores or list(scores)[:NUM_HEADLINE_SCORES]),
            weak_at=dict(weak_at) if weak_at else None,
            weights=weights,
            directory=output / name,
            **_describe_training(source, licence_data),
        )
        (directory / registry.DESCRIPTION).write_text(preset.to_json(), encoding="utf-8")
    return preset


def _is_of_machine(score) -> bool:
    return isinstance(score, dict) and score.get("unit") in ("seconds", "pictures/s", "bytes")


def _check_name(name: str, output: Path) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(
            "A preset's name must start with a letter and consist of lower-case letters, digits and `_`, "
            f"because it becomes a directory. Received: {name!r}. Choose a name such as srcnn_x2."
        )
    if (output / name).exists():
        raise ValueError(
            f"A preset's directory must not exist yet. Received: {output / name}, which exists. Remove it "
            "first, or choose another name."
        )


def _write_weights(source: Source, path: Path, is_half: bool) -> dict:
    from zoo.presets.from_preset import save_weights

    dtype = "float16" if is_half else "float32"
    num_values = save_weights(source.model, path, dtype)
    return {"sha256": registry.file_sha256(path), "dtype": dtype, "num_values": num_values}


def _describe_training(source: Source, licence_data: str) -> dict:
    """Returns the fields of `Preset` that can be derived from the run."""
    from training.data.selection import open_data_set
    from zoo.presets.from_preset import GENERIC_ARGUMENTS

    data_set = open_data_set(source.config.dataset, source.config.data_dir, source.config.only)
    config = _without_paths(source.config)
    model_config = source.model.get_config()
    runs = _find_runs(source)
    return {
        "model": config.model,
        "model_class": type(source.model).__name__,
        "model_config": {name: model_config[name] for name in model_config if name not in GENERIC_ARGUMENTS},
        "training_config": json.loads(config.to_json()),
        "data": {
            "name": data_set.name,
            "licence": licence_data,
            "num_training_images": data_set.num_images["train"],
        },
        "command": _command_of(runs),
        "minutes": round(sum(map(_minutes_of, runs)), 1),
    }


def _find_runs(source: Source) -> list[Source]:
    """Returns the chain of runs that ends with this one, each initialised from the one before."""
    runs = [source]
    while (earlier := _run_before(runs[0].config)) is not None:
        runs.insert(0, find_run(earlier))
    return runs


def _command_of(runs: list[Source]) -> str:
    from training.preset_making.repeat_command import command_line

    *earlier, last = runs
    commands = [
        f"{command_line(_without_paths(run.config), train_command.command.params)} --run-name {run.name}"
        for run in earlier
    ]
    return " && ".join([*commands, command_line(_without_paths(last.config), train_command.command.params)])


def _minutes_of(run: Source) -> float:
    from training.runs.metrics_log import read_metrics

    return sum(line["seconds"] for line in read_metrics(run.directory / run_directory.METRICS)) / 60


def _run_before(config: TrainingConfig) -> Path | None:
    """Returns the run whose weights a training began with; None for a preset's or random ones."""
    init_from = config.init_from
    if init_from is None or init_from in registry.list_presets() or _is_folder(init_from):
        return None
    return Path(init_from)


def _is_folder(preset: str) -> bool:
    return (Path(preset) / registry.DESCRIPTION).exists()


def _without_paths(config: TrainingConfig) -> TrainingConfig:
    """Removes paths that are valid on one machine only."""
    init_from, run = config.init_from, _run_before(config)
    if run is not None:
        init_from = f"runs/{run.name}"
    elif init_from is not None and _is_folder(init_from):
        init_from = f"./{Path(init_from).name}"
    return dataclasses.replace(
        config,
        data_dir=None,
        init_from=init_from,
        model_options=_without_folders(config.model_options),
        optimizer_options=_without_folders(config.optimizer_options),
    )


def _without_folders(options: Mapping[str, object]) -> dict[str, object]:
    """Returns options in which files keep their names alone."""
    return {
        name: Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value
        for name, value in options.items()
    }


def _to_reasons(context, parameter, texts):
    pairs = [text.partition("=") for text in texts]
    for text, (command_name, _, why) in zip(texts, pairs, strict=True):
        if command_name != "generate" or not why:  # no other command asks
            raise click.BadParameter(
                f"must have the form generate=WHY. Received: {text!r}.", context, parameter
            )
    return {command_name: why for command_name, _, why in pairs}


@click.command(
    cls=ZooCommand,
    uses_tensorflow=True,
    example="python -m training.make_preset runs/srcnn srcnn_x2 --half \\\n"
    '    --licence-data "CC0 (Example Museum)" --licence-weights Apache-2.0',
)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("--licence-data", required=True, help="Licence and origin of the training pictures.")
@click.option("--licence-weights", required=True, help="Licence of the weights.")
@click.option(
    "--half", "is_half", is_flag=True, help="Store weights in float16; fails if that changes the scores."
)
@click.option("--hardware", help="Hardware that the run was trained on.  [default: this machine]")
@click.option("--headline", metavar="NAMES", default="", help="Comma-separated scores to show in lists.")
@click.option(
    "--weak-at",
    multiple=True,
    metavar="generate=WHY",
    callback=_to_reasons,
    help="Why zoo generate must not use the preset without --force, e.g. generate='it draws smears'.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Directory of presets.  [default: the package's own]",
)
def command(run, name, headline, **options):
    """Make the preset NAME from RUN, which must be finished and evaluated."""
    from training.input.augmentation import split_names

    preset = make_preset(run, name, headline_scores=split_names(headline), **options)
    click.echo(f"Wrote {preset.directory}: {preset.num_bytes / (1 << 20):.2f} MiB")


if __name__ == "__main__":
    main(command=command, prog_name="python -m training.make_preset")
