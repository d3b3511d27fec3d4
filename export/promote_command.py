"""`zoo export promote`."""

from pathlib import Path

import click

from zoo.cli import ZooCommand


def _check_label(context, parameter, label):
    from export.labels import check_label

    try:
        check_label(label)
    except ValueError as error:
        raise click.UsageError(str(error), context) from error
    return label


@click.command(cls=ZooCommand, example="zoo export promote srcnn_x2 3 --label stable")
@click.argument("model_name", metavar="MODEL")
@click.argument("version", type=click.IntRange(1))
@click.option(
    "--label",
    required=True,
    callback=_check_label,
    help="stable, canary, or another word that clients name the version by.",
)
@click.option("--models-dir", type=click.Path(path_type=Path), default="models", show_default=True)
@click.option("--dry-run", is_flag=True, help="Say which labels there would be and write nothing.")
def command(model_name, version, label, models_dir, dry_run):
    """Give a label of MODEL to VERSION; to an earlier one to roll back.

    The labels are kept in MODELS_DIR/MODEL/labels.json. A server follows them once its models.config has
    been written again.
    """
    from export.labels import promote, read_labels

    before = read_labels(models_dir / model_name)
    for name, number in sorted(promote(models_dir, model_name, version, label, dry_run).items()):
        was = f"  (was {before[name]})" if before.get(name, number) != number else ""
        click.echo(f"{name}: {number}{was}")
    if not dry_run:
        click.echo(
            f"Serve them: zoo serve --models-dir {models_dir}  (or write models.config again with "
            "--write-config DIR, and restart the server that reads it)"
        )
