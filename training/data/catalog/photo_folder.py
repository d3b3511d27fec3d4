"""Presents a folder of photos without a table as a catalogue with one row per file."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from training.data.catalog.table import Table, TableRow
from zoo.pictures.photo_names import PHOTO_SUFFIXES, is_hidden, is_photo

COLUMN = "file"
FORMAT = "folder without a table"


@dataclasses.dataclass(frozen=True)
class PhotoFolder:
    """A substitute for `training.data.catalog.table.Table` when there is no table.

    Its rows are the files in the folder and all its subfolders that are photos by their endings or their
    content, sorted by path. Hidden files and folders are skipped, and links to folders are not followed.

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
                f"The folder or its subfolders must contain photos ({', '.join(sorted(PHOTO_SUFFIXES))}). "
                f"Received: {self.path} with none. Choose another folder with --images."
            )
        for number, file in enumerate(files, 1):
            yield TableRow(number, {COLUMN: file})

    def describe(self) -> str:
        """Describes the source in the words of a report."""
        return FORMAT

    def _find_files(self) -> Iterator[str]:
        for directory, folders, files in os.walk(self.path):
            folders[:] = [name for name in folders if not is_hidden(name)]
            for name in files:
                if not is_hidden(name) and is_photo(Path(directory, name)):
                    yield os.path.relpath(os.path.join(directory, name), self.path)


RowSource = Table | PhotoFolder
