"""Defines `zoo evaluate RUN_OR_PRESET`."""

from pathlib import Path

import click

from zoo.cli import ZooCommand
from zoo.command_line.output_path import OutputPath


def _to_qualities(context, parameter, text):
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= 100 for part in parts):
        raise click.BadParameter(
            f"must be whole numbers from 1 to 100 between commas. Received: {text!r}. Use e.g. 10,40."
        )
    return tuple(dict.fromkeys(int(part) for part in parts))


@click.command(cls=ZooCommand, uses_tensorflow=True, example="zoo evaluate runs/gan --judge runs/classifier")
@click.argument("run_or_preset")
@click.option("--dataset", help="Data set to score on.  [default: the run's]")
@click.option(
    "--samples",
    "num_samples",
    type=click.IntRange(min=2),
    default=10_000,
    show_default=True,
    help="Maximum number of pictures to generate, and of photos to compare them with.",
)
@click.option(
    "--judge",
    metavar="RUN_OR_PRESET",
    help="Classifier or conditional_vae that judges whether pictures show the requested attributes.",
)
@click.option(
    "--extractor",
    metavar="PATH",
    help="Run, preset, .keras file or 2015 Inception graph (.pb) on whose features distances are measured.  "
    "[default: the judge]",
)
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Score super-resolution, clean, cutout or recolour on this folder's photos instead of a data set.",
)
@click.option(
    "--masks",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Masks of the products in those photos, for cutout and recolour: PNG files of the same names and "
    "sizes, white on the product.",
)
@click.option(
    "--qualities",
    metavar="Q,Q",
    callback=_to_qualities,
    help="Qualities of JPEG, from 1 to 100, by which photos are damaged before clean is scored on them.  "
    "[default: 10,20,30,40]",
)
@click.option(
    "--output",
    type=OutputPath(is_directory=True),
    help="Directory for the results.  [default: the run directory, or evaluations/<preset>]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the latents, the attributes and the choice of photos.",
)
@click.option("--dry-run", is_flag=True, help="Load the model without scoring it.")
def command(run_or_preset, dry_run, output, **options):
    """Score RUN_OR_PRESET on the test photos and write evaluation.json and report.html."""
    from training.evaluation.evaluation import default_output, evaluate_run
    from training.trained_model import find_run_or_preset

    if dry_run:
        source = find_run_or_preset(run_or_preset)
        source.load_model()
        click.echo(f"Would write {output or default_output(source)}/evaluation.json and report.html")
        return

    from training.runs.score import format_score

    evaluation = evaluate_run(run_or_preset, output=output, **options)
    for name, score in evaluation.findings.scores.items():
        beside = ""
        if score.baseline is not None:
            beside = f"; {score.baseline_name}: {format_score(score.baseline)}"
        click.echo(f"{name}: {format_score(score)} {score.unit}{score.mark}{beside}")
    for note in evaluation.findings.notes:
        click.secho(f"Warning: {note}", fg="red", err=True)
    click.echo(f"Report: {evaluation.output / 'report.html'}")
