"""`zoo export prune`, which deletes old versions to free disk space."""

from pathlib import Path

import click

from zoo.cli import ZooCommand


@click.command(cls=ZooCommand, example="zoo export prune --keep 3 --models-dir models --dry-run")
@click.option(
    "--keep",
    type=click.IntRange(1),
    required=True,
    help="Number of versions of each model to keep, counted from the highest; labelled versions are kept as "
    "well.",
)
@click.option(
    "--models-dir",
    type=click.Path(path_type=Path),
    default="models",
    show_default=True,
    help="Directory of all models.",
)
@click.option("--model-name", help="Prune only this model.  [default: every model]")
@click.option("--dry-run", is_flag=True, help="Print what would be removed, and remove nothing.")
def command(keep, models_dir, model_name, dry_run):
    """Remove old versions, but never a model's highest version or one that a label names."""
    from export.versions.prune import prune
    from export.versions.version_dirs import servable_versions

    if not models_dir.is_dir():
        raise click.ClickException(
            f"The models directory must exist. Received: models_dir={str(models_dir)!r}. "
            "Name the directory that models were exported to: --models-dir DIR."
        )
    entries = sorted(models_dir.iterdir())
    every = [entry.name for entry in entries if servable_versions(entry)]
    freed_bytes = 0
    for name in [model_name] if model_name else every:
        for removal in prune(models_dir, name, keep, dry_run):
            size = f"{removal.num_bytes / 1e6:.2f} MB"
            click.echo(f"{'Would remove' if dry_run else 'Removed'}: {removal.version_dir}  {size}")
            freed_bytes += removal.num_bytes
    click.echo(f"{'Would free' if dry_run else 'Freed'}: {freed_bytes / 1e6:.2f} MB")
