"""Presents a folder of photos without a table as a catalogue with one row per file."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from training.data.catalog.table import Table, TableRow

COLUMN = "file"
FORMAT = "folder without a table"
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")


@dataclasses.dataclass(frozen=True)
class PhotoFolder:
    """A substitute for `training.data.catalog.table.Table` when there is no table.

    Its rows are the files with an image file's extension in the folder and all its subfolders, sorted by
    path. Hidden files and folders are skipped, and links to folders are not followed.

    Args:
        path: The folder.

    Example:

    ```python
    for row in PhotoFolder(Path("photos")).read():
        print(row.cells["file"])
    ```
    """

    path: Path
    encoding: None = None
    columns: tuple[str, ...] = (COLUMN,)

    def read(self) -> Iterator[TableRow]:
        """Yields a row for each photo, numbered from 1.

        Raises:
            ValueError: If there is no photo.
        """
        files = sorted(self._find_files())
        if not files:
            raise ValueError(
                f"The folder or its subfolders must contain photos ({', '.join(ENDINGS)}). "
                f"Received: {self.path} with none. Choose another folder with --images."
            )
        for number, file in enumerate(files, 1):
            yield TableRow(number, {COLUMN: file})

    def describe(self) -> str:
        """Describes the source in the words of a report."""
        return FORMAT

    def _find_files(self) -> Iterator[str]:
        for directory, folders, files in os.walk(self.path):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                if name.lower().endswith(ENDINGS) and not name.startswith("."):
                    yield os.path.relpath(os.path.join(directory, name), self.path)


RowSource = Table | PhotoFolder
