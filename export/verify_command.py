"""`zoo export verify`."""

from pathlib import Path

import click

from zoo.cli import ZooCommand


@click.command(cls=ZooCommand, example="zoo export verify --models-dir models")
@click.argument("version_dirs", metavar="[VERSION_DIR]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--models-dir",
    type=click.Path(path_type=Path),
    help="Check every version of every model in it.  [default: models, unless a VERSION_DIR is named]",
)
def command(version_dirs, models_dir):
    """Check that every file of versions is as it was exported.

    Damaged, missing and extra files are named, as are versions without a manifest, which cannot be checked;
    the exit code is 1 then.
    """
    from export.versions.manifest import MANIFEST
    from export.versions.verify import find_version_dirs, version_problem

    if models_dir or not version_dirs:
        version_dirs += tuple(find_version_dirs(models_dir or Path("models")))
    bad = []
    for version_dir in version_dirs:
        problem = version_problem(version_dir)
        click.echo(f"{version_dir}: {problem or 'as it was exported'}")
        if problem:
            bad.append(str(version_dir))
    if bad:
        raise click.ClickException(
            f"Every version must be as its {MANIFEST} says. Received: {len(bad)} of {len(version_dirs)} "
            f"that are not: {', '.join(bad)}. Copy or export them again."
        )
