"""`zoo export promote`, which moves a label such as `stable` to another version of a model."""

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
    help="stable, canary, or another word that clients request the version by.",
)
@click.option(
    "--models-dir",
    type=click.Path(path_type=Path),
    default="models",
    show_default=True,
    help="Directory of all models.",
)
@click.option("--dry-run", is_flag=True, help="Print the resulting labels, and write nothing.")
def command(model_name, version, label, models_dir, dry_run):
    """Move a label of MODEL to VERSION; name an earlier version to roll back.

    Labels are stored in MODELS_DIR/MODEL/labels.json. A running `zoo serve` follows them within seconds; any
    other server needs a new models.config and a restart. Requests without a label get the highest version.
    """
    from export.versions.labels import promote, read_labels

    before = read_labels(models_dir / model_name)
    for name, number in sorted(promote(models_dir, model_name, version, label, dry_run).items()):
        was = f"  (was {before[name]})" if before.get(name, number) != number else ""
        click.echo(f"{name}: {number}{was}")
    if not dry_run:
        click.echo(
            f"A running `zoo serve --models-dir {models_dir}` follows the change; for any other server write "
            "models.config again (zoo serve --write-config DIR) and restart it"
        )
