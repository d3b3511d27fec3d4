"""Type of the command-line options that name an output file or directory."""

import os
from pathlib import Path
from typing import Any

import click


class OutputPath(click.Path):
    """An output path that is checked before the work starts: no parent of it may be a file.

    Converts to `pathlib.Path`.

    Args:
        is_directory: Whether the output is a directory, or else a file. An existing path must be of that
            kind.

    Example:

    >>> OutputPath(is_directory=False)(__file__ + "/page.html")
    Traceback (most recent call last):
    click.exceptions.BadParameter: ...output_path.py must be a directory, because 'page.html' will be...
    """

    def __init__(self, is_directory: bool):
        super().__init__(file_okay=not is_directory, dir_okay=is_directory, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        nearest = next((parent for parent in path.parents if parent.exists()), None)
        if nearest is not None and not nearest.is_dir():
            inside = str(path.relative_to(nearest))
            self.fail(
                f"{nearest} must be a directory, because {inside!r} will be written into it. "
                "Received: a file. Choose another path.",
                param,
                ctx,
            )
        return path
