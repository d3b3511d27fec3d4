"""`zoo evaluate RUN`."""

from pathlib import Path

import click

from zoo.cli import ZooCommand


@click.command(
    cls=ZooCommand, uses_tensorflow=True, example="zoo evaluate runs/20260101-120000-srcnn-fashion_mnist"
)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--dataset", help="Data set to score on.  [default: that of the run]")
@click.option(
    "--judge",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Finished classifier (or conditional_vae) run that judges what a dcgan generates.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="Where to write.  [default: the run directory]"
)
@click.option("--dry-run", is_flag=True, help="Check the run and write nothing.")
def command(run, dataset, judge, output, dry_run):
    """Score RUN on the test pictures; leaves evaluation.json and report.html."""
    from training.run_directory import load_model

    if dry_run:
        load_model(run)
        click.echo(f"Would write {output or run}/evaluation.json and report.html")
        return

    from training.evaluation import evaluate_run

    scores = evaluate_run(run, dataset, judge, output)
    for name, value in scores.items():
        click.echo(f"{name}: {value:.6g}")
    click.echo(f"Report: {(output or run) / 'report.html'}")
