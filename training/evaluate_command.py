"""`zoo evaluate RUN_OR_PRESET`."""

from pathlib import Path

import click

from zoo.cli import ZooCommand


@click.command(
    cls=ZooCommand, uses_tensorflow=True, example="zoo evaluate runs/20260101-120000-srcnn-fashion_mnist"
)
@click.argument("run_or_preset")
@click.option("--dataset", help="Data set to score on.  [default: that of the run]")
@click.option(
    "--judge",
    metavar="RUN_OR_PRESET",
    help="Finished classifier (or conditional_vae) that judges what a dcgan generates.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Where to write.  [default: the run directory, or evaluations/<preset>]",
)
@click.option("--dry-run", is_flag=True, help="Load the model and write nothing.")
def command(run_or_preset, dataset, judge, output, dry_run):
    """Score RUN_OR_PRESET on the test pictures; leaves evaluation.json and report.html."""
    from training.evaluation import default_output, evaluate_run
    from training.run_or_preset import find_run_or_preset

    source = find_run_or_preset(run_or_preset)
    output = output or default_output(source)
    if dry_run:
        source.load_model()
        click.echo(f"Would write {output}/evaluation.json and report.html")
        return

    scores = evaluate_run(run_or_preset, dataset, judge, output)
    for name, value in scores.items():
        click.echo(f"{name}: {value:.6g}")
    click.echo(f"Report: {output / 'report.html'}")
