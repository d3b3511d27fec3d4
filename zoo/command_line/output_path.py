"""Options that name what will be written."""

import os
from pathlib import Path
from typing import Any

import click


class OutputPath(click.Path):
    """A `pathlib.Path` that can come to be: found out before the work, and not by the first write after it.

    Args:
        is_directory: Whether a directory shall be there, or a file. What is there already must be one.

    Example:

    >>> OutputPath(is_directory=False)(__file__ + "/page.html")
    Traceback (most recent call last):
    click.exceptions.BadParameter: ...output_path.py must be a directory, because 'page.html' is to be...
    """

    def __init__(self, is_directory: bool):
        super().__init__(file_okay=not is_directory, dir_okay=is_directory, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        nearest = next((parent for parent in path.parents if parent.exists()), None)
        if nearest is not None and not nearest.is_dir():
            inside = str(path.relative_to(nearest))
            self.fail(
                f"{nearest} must be a directory, because {inside!r} is to be written into it. "
                "Received: a file. Name another path.",
                param,
                ctx,
            )
        return path
