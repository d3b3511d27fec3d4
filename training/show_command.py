"""`zoo data show`: a page on a prepared data set."""

from pathlib import Path

import click

from zoo.cli import ZooCommand
from zoo.command_line.output_path import OutputPath


@click.command(
    "show", cls=ZooCommand, uses_tensorflow=True, example="zoo data show fashion_mnist --augment flip,colour"
)
@click.argument("name")
@click.option("--output", type=OutputPath(is_directory=False), help="The page.  [default: NAME.html]")
@click.option(
    "--augment", default="", metavar="NAMES", help="Show pictures with these changes, as for `zoo train`."
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False),
    help="Where prepared data is. By default `data` under ZOO_HOME.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be written and write nothing.")
def command(name, output, augment, data_dir, dry_run):
    """Write an HTML page on the data set NAME: counts, pictures, what was refused."""
    from training.data.data_sets import BUILT_IN, find_prepared, list_names, load_data_set
    from training.data.preparation import default_data_dir
    from training.input.augmentation import check_augmentations, split_names
    from zoo.errors import UnknownNameError

    data_dir = data_dir or default_data_dir()
    augment = split_names(augment)
    check_augmentations(augment)
    output = output or Path(f"{name}.html")
    if dry_run:
        if name not in BUILT_IN and find_prepared(name, data_dir) is None:
            raise UnknownNameError("data set", name, list_names(data_dir))
        click.echo(f"Would write {output}.")
        return

    from training.data_page.page import make_data_report
    from zoo.files.atomic_write import write_text

    page = make_data_report(load_data_set(name, data_dir), augment)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_text(output, page.render())
    click.echo(f"Page: {output}")
