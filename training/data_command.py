"""`zoo data build`: prepares a data set."""

import inspect
from pathlib import Path

import click

from zoo.cli import ZooCommand, debug_option
from zoo.errors import UnknownNameError

EXAMPLE = "zoo data build fashion_mnist"


class _DataGroup(click.Group):
    """A group that answers an unknown command with those that exist."""

    def resolve_command(self, context, arguments):
        if arguments and arguments[0] not in self.commands and not arguments[0].startswith("-"):
            raise UnknownNameError("command of `zoo data`", arguments[0], self.commands)
        return super().resolve_command(context, arguments)


@click.group(cls=_DataGroup, epilog=f"\b\nExample:\n  {EXAMPLE}", params=[debug_option()])
def command():
    """Prepare data sets."""


@command.command(
    cls=ZooCommand, uses_tensorflow=True, example=f"{EXAMPLE} --images /usr/share/datasets/fashion-mnist"
)
@click.argument("name")
@click.option(
    "--images",
    "images_dir",
    type=click.Path(exists=True, file_okay=False),
    help="fashion_mnist: directory with the four IDX files. By default Debian's, then the download.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False),
    help="Where to keep prepared data. By default `data` under ZOO_HOME.",
)
@click.option("--size", type=int, help="rendered_catalog: side of the pictures in pixels.")
@click.option("--count", type=int, help="rendered_catalog: number of pictures.")
@click.option("--seed", type=click.IntRange(min=0), help="rendered_catalog: seed of the drawings.")
@click.option("--overwrite", is_flag=True, help="Replace what is already prepared.")
@click.option("--dry-run", is_flag=True, help="Say what would be done and write nothing.")
def build(name, images_dir, data_dir, overwrite, dry_run, **drawing_options):
    """Prepare the data set NAME: `fashion_mnist` or `rendered_catalog`."""
    from training import data_sets, preparation

    data_dir = Path(data_dir or preparation.default_data_dir())
    if name not in data_sets.BUILT_IN:
        raise UnknownNameError(
            "data set", name, data_sets.list_names(data_dir), "Only the built-in ones can be built."
        )
    options = {"images_dir": images_dir, **drawing_options}
    options = {option: value for option, value in options.items() if value is not None}
    _check_options(name, data_sets.BUILT_IN[name], options)
    if not overwrite:
        _check_absent(data_sets.find_prepared(name, data_dir), data_dir, "images_dir" in options)
    if dry_run:
        chosen = "".join(f", {option}={value}" for option, value in options.items())
        click.echo(f"Would prepare {name} in {data_dir}{chosen}.")
        return
    data_sets.BUILT_IN[name](data_dir, overwrite=overwrite, **options)
    data_set = data_sets.find_prepared(name, data_dir)
    counts = ", ".join(f"{number:,} {split}" for split, number in data_set.num_images.items())
    click.echo(f"Prepared {name}: {counts}. {data_set.source}")


def _check_options(name, prepare, options) -> None:
    allowed = inspect.signature(prepare).parameters
    for option in options:
        if option not in allowed:
            flag = "--images" if option == "images_dir" else f"--{option}"
            raise click.UsageError(f"{flag} does not apply to {name}. Leave it out.")


def _check_absent(prepared, data_dir, wants_images_dir: bool) -> None:
    # What TFDS prepared itself serves as well, unless particular files were asked for.
    is_elsewhere = prepared is not None and data_dir not in Path(prepared.builder.data_dir).parents
    if prepared is None or (is_elsewhere and wants_images_dir):
        return
    raise FileExistsError(
        f"{prepared.name} is already prepared. {prepared.source} Nothing was changed; add `--overwrite` to "
        "prepare it again."
    )
