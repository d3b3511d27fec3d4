"""`zoo export promote`."""

from pathlib import Path

import click

from zoo.cli import ZooCommand


def _check_label(context, parameter, label):
    from export.versions.labels import check_label

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

    The labels are kept in MODELS_DIR/MODEL/labels.json. `zoo serve` follows them within seconds; another
    server after its models.config was written again and a restart. Requests without a label get the highest
    version.
    """
    from export.versions.labels import promote, read_labels

    before = read_labels(models_dir / model_name)
    for name, number in sorted(promote(models_dir, model_name, version, label, dry_run).items()):
        was = f"  (was {before[name]})" if before.get(name, number) != number else ""
        click.echo(f"{name}: {number}{was}")
    if not dry_run:
        click.echo(
            f"A running `zoo serve --models-dir {models_dir}` follows; for other servers write models.config "
            "again (zoo serve --write-config DIR) and restart them"
        )
