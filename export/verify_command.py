"""`zoo export verify`, which compares published versions with their manifests."""

from pathlib import Path

import click

from zoo.cli import ZooCommand


@click.command(cls=ZooCommand, example="zoo export verify --models-dir models")
@click.argument("version_dirs", metavar="[VERSION_DIR]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--models-dir",
    type=click.Path(path_type=Path),
    help="Check every version of every model in this directory.  "
    "[default: models, unless a VERSION_DIR is named]",
)
def command(version_dirs, models_dir):
    """Check that every file of a version is as it was exported.

    Names damaged, missing and extra files, and versions that cannot be checked because they have no
    manifest. If there are any, the exit code is 1.
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
            f"Every version must match its {MANIFEST}. Received: {len(bad)} of {len(version_dirs)} "
            f"that do not: {', '.join(bad)}. Copy or export them again."
        )
