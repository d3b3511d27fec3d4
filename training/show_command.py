"""The command `zoo data show`, which renders a data set as an HTML page."""

from pathlib import Path

import click

from zoo.cli import ZooCommand
from zoo.command_line.output_path import OutputPath


@click.command(
    "show", cls=ZooCommand, uses_tensorflow=True, example="zoo data show fashion_mnist --augment flip,colour"
)
@click.argument("name")
@click.option("--output", type=OutputPath(is_directory=False), help="The HTML file.  [default: NAME.html]")
@click.option(
    "--augment", default="", metavar="NAMES", help="Show pictures augmented as in `zoo train --augment`."
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False),
    help="Directory of prepared data sets.  [default: `data` under ZOO_HOME]",
)
@click.option("--dry-run", is_flag=True, help="Print what would be done without writing anything.")
def command(name, output, augment, data_dir, dry_run):
    """Write an HTML page about the data set NAME, with counts, sample pictures and refused rows."""
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
