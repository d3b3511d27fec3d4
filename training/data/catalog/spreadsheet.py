"""Reads spreadsheets (`.xlsx`, `.ods`) as rows of text."""

import datetime
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import python_calamine

FIRST_BYTES = b"PK\x03\x04"
# Every spreadsheet contains one of these, even if it cannot be opened.
_MEMBERS = {"xl/workbook.xml", "content.xml"}
_ENDINGS = {".xlsx", ".xlsm", ".ods"}


class Spreadsheet:
    """The first sheet of a spreadsheet that is not empty.

    Args:
        path: An `.xlsx` or `.ods` file.

    Raises:
        ValueError: If the file is not a spreadsheet, is damaged, or has only empty sheets.

    Example:

    ```python
    for number, cells in Spreadsheet("catalog.xlsx").records():
        print(number, cells)  # 1 ['image', 'category']
    ```
    """

    def __init__(self, path: str | os.PathLike):
        path = Path(path)
        try:
            with python_calamine.load_workbook(io.BytesIO(path.read_bytes())) as workbook:
                sheets = [workbook.get_sheet_by_name(name) for name in _tables(workbook)]
                rows = {sheet.name: _read(sheet) for sheet in sheets}
        except Exception as error:
            raise ValueError(_reason(path, error)) from error
        self.sheet_name = next((name for name, of_sheet in rows.items() if of_sheet), None)
        if self.sheet_name is None:
            wrong = f"whose sheets are empty: {', '.join(rows)}" if rows else "which has no sheet of cells"
            raise ValueError(
                "A spreadsheet must have a sheet with a header and rows. "
                f"Received: {path.name}, {wrong}. Save it with the table in its first sheet."
            )
        self._rows = rows[self.sheet_name]

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yields the number, as the spreadsheet shows it, and the cells of each row that is not empty."""
        for number, cells in self._rows:
            yield number, list(cells)


def _read(sheet) -> list[tuple[int, list[str]]]:
    if sheet.start is None:
        return []
    rows = ([_to_text(value) for value in row] for row in sheet.to_python())
    return [(number, cells) for number, cells in enumerate(rows, sheet.start[0] + 1) if any(cells)]


def _tables(workbook) -> list[str]:
    worksheet = python_calamine.SheetTypeEnum.WorkSheet
    return [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == worksheet]


def _reason(path: Path, error: Exception) -> str:
    if path.suffix.lower() not in _ENDINGS and not _MEMBERS & _members(path):
        return (
            "A table must be CSV, JSON Lines, .xlsx or .ods. "
            f"Received: {path.name}, which is a ZIP archive of something else. Export it as CSV (UTF-8)."
        )
    return (
        f"A spreadsheet must be intact and without a password. Received: {path.name} ({error}). Save it "
        "again, or export it as CSV (UTF-8)."
    )


def _members(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as file:
            return set(file.namelist())
    except (OSError, zipfile.BadZipFile):
        return set()


def _to_text(value) -> str:
    """Formats a cell as in CSV: integers without a decimal point, dates as 2026-11-30."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
