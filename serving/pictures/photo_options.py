"""Arguments and options that all commands take that turn photos into pictures."""

from pathlib import Path

import click

from zoo.command_line.output_path import OutputPath

FORMATS = ("png", "webp", "jpeg")
FILE_SUFFIXES = {"png": ".png", "webp": ".webp", "jpeg": ".jpg"}

photos_argument = click.argument(
    "photos",
    metavar="PHOTO...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)

mask_option = click.option(
    "--mask", "writes_mask", is_flag=True, help="Also write the mask, as NAME-mask.png."
)

format_option = click.option(
    "--format",
    "file_format",
    type=click.Choice(FORMATS),
    default="png",
    show_default=True,
    help="Kind of file.",
)


overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace results that exist; without it they are an error."
)


def result_options(default_output: str):
    """Adds `--output`, with a default directory, `--overwrite` and `--dry-run` to a command."""

    def decorate(function):
        function = overwrite_option(function)
        function = click.option("--dry-run", is_flag=True, help="Print the file names, and write nothing.")(
            function
        )
        return click.option(
            "--output",
            type=OutputPath(is_directory=True),
            default=default_output,
            show_default=True,
            help="Directory to write the pictures to.",
        )(function)

    return decorate
