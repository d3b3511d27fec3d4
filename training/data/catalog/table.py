"""Reads a catalogue's table: CSV or JSON Lines, with their encoding detected, or a spreadsheet."""

import csv
import dataclasses
import itertools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from training.data.catalog import text_encoding
from training.data.catalog.spreadsheet import FIRST_BYTES, Spreadsheet

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
INDEX_COLUMN = "index"
# Other kinds of files that are often given instead of a table, by their first bytes.
_OTHER_KINDS = {
    b"\xd0\xcf\x11\xe0": "an old Excel spreadsheet (xls) or one with a password",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG": "a PNG picture",
    b"%PDF": "a PDF document",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "compressed by gzip",
    b"SQLite": "an SQLite database",
}
# Records by which the way of writing quotes is found out.
_TRIED_RECORDS = 1000
# A longer cell is a quote that was never closed.
MAX_CELL_CHARACTERS = 4 << 20


@dataclasses.dataclass(frozen=True)
class TableRow:
    """One row as written in the table.

    Args:
        number: Row number as a spreadsheet shows it (the header is row 1), or line number in JSON Lines.
        cells: The text of each column, `""` where the row has none.
        problem: Why the row cannot be read; None if it can.
    """

    number: int
    cells: dict[str, str]
    problem: str | None = None


@dataclasses.dataclass(frozen=True)
class Table:
    """A table file of known format and columns.

    Args:
        path: The file.
        encoding: Python's name of its encoding; None for a spreadsheet.
        delimiter: The character between its cells; None for JSON Lines and spreadsheets.
        escape: The character before quotes within cells; None where quotes are doubled.
        columns: Names of its columns in lower case, stripped, with `_` for inner spaces.
        sheet: The rows of a spreadsheet; None for other files.

    Example:

    ```python
    table = open_table("catalog.csv")
    for row in table.read():
        print(row.number, row.cells["category"])
    ```
    """

    path: Path
    encoding: str | None
    delimiter: str | None
    columns: tuple[str, ...]
    sheet: Spreadsheet | None = None
    escape: str | None = None

    def read(self) -> Iterator[TableRow]:
        """Yields the rows, without empty lines."""
        if self.sheet is not None:
            return _to_rows(self, ((number, cells, None) for number, cells in self.sheet.records()))
        if self.delimiter is None:
            return _read_json_lines(self)
        return _to_rows(self, _csv_records(self.path, self.encoding, self.delimiter, self.escape))

    def describe(self) -> str:
        """Describes the file's format, e.g. `"CSV with commas, utf-8"`."""
        if self.sheet is not None:
            return f"spreadsheet, sheet {self.sheet.sheet_name!r}"
        kind = "JSON Lines" if self.delimiter is None else f"CSV with {DELIMITERS[self.delimiter]}"
        escaped = ", quotes after backslashes" if self.escape else ""
        return f"{kind}{escaped}, {self.encoding}"


def open_table(path: str | os.PathLike, encoding: str | None = None) -> Table:
    """Detects a table file's format and columns.

    Args:
        path: A CSV file (delimiter `,`, `;`, tab or `|`) with a header, JSON Lines (one object per line), or
            a spreadsheet (`.xlsx`, `.ods`), whose first non-empty sheet is read.
        encoding: Encoding of a text file; detected by default.

    Returns:
        The table.

    Raises:
        ValueError: If the file is empty, damaged, or neither text nor a spreadsheet, or a column's name is
            repeated or missing.
    """
    path = Path(path)
    with open(path, "rb") as file:
        first_bytes = file.read(8)
    if first_bytes.startswith(FIRST_BYTES):
        return _open_spreadsheet(path, encoding)
    _check_kind(path, first_bytes)
    encoding = encoding or text_encoding.detect_encoding(path)
    failure = text_encoding.find_failure(path, encoding)
    if failure:
        raise ValueError(
            f"A table must be readable in its encoding. Received: {path.name}, tried as {encoding} "
            f"({failure}). Choose another encoding, or leave out `--encoding`."
        )
    with open(path, encoding=encoding, newline="") as file:
        start = file.read(1 << 16).lstrip("\ufeff \r\n")
    if not start:
        raise ValueError(
            f"A table must have a header and rows. Received: {path.name}, which is empty. Export it again."
        )
    if start[0] == "[":
        raise ValueError(
            "JSON must be in JSON Lines format: one object per line, without an enclosing list. "
            f"Received: {path.name}, which starts with a list. Write one object on each line."
        )
    if start[0] == "{":
        found = dict.fromkeys(
            column for row in _read_json_lines(Table(path, encoding, None, ())) for column in row.cells
        )
        return Table(path, encoding, None, tuple(found))
    delimiter = _find_delimiter(start)
    header = next(_csv_records(path, encoding, delimiter))[1]
    columns = _check_header(path, header)
    escape = _find_escape(path, encoding, delimiter, len(columns))
    return Table(path, encoding, delimiter, columns, escape=escape)


def _find_escape(path: Path, encoding: str | None, delimiter: str, num_columns: int) -> str | None:
    """Returns the backslash if more of the first records are right with it before quotes than without."""

    def count_wrong(escape):
        records = itertools.islice(_csv_records(path, encoding, delimiter, escape), _TRIED_RECORDS)
        try:
            return sum(problem is not None or any(cells[num_columns:]) for _, cells, problem in records)
        except ValueError:  # a quote that is never closed
            return _TRIED_RECORDS

    num_wrong = count_wrong(None)
    return "\\" if num_wrong and count_wrong("\\") < num_wrong else None


def _open_spreadsheet(path: Path, encoding: str | None) -> Table:
    if encoding is not None:
        raise ValueError(
            "An encoding can only be given for a text file. "
            f"Received: {path.name}, a ZIP file as spreadsheets are, and {encoding}. Leave out `--encoding`."
        )
    sheet = Spreadsheet(path)
    _, header = next(sheet.records())
    return Table(path, None, None, _check_header(path, header), sheet)


def _check_kind(path: Path, start: bytes) -> None:
    kind = next((kind for first_bytes, kind in _OTHER_KINDS.items() if start.startswith(first_bytes)), None)
    if kind:
        raise ValueError(
            f"A table must be CSV, JSON Lines, .xlsx or .ods. Received: {path.name}, which is {kind}. "
            "Export it as CSV (UTF-8)."
        )


def clean_column(name: str) -> str:
    """Returns a column's normalised name.

    Example:

    >>> clean_column(" Product Colour"), clean_column("articleType"), clean_column("imageURL")
    ('product_colour', 'article_type', 'image_url')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\s_-]+", "_", words).lower()


def _find_delimiter(start: str) -> str:
    hint = re.match(r"sep=(.)\r?\n", start)
    if hint and hint.group(1) in DELIMITERS:
        return hint.group(1)
    header = start.splitlines()[0]
    return max(DELIMITERS, key=lambda delimiter: len(next(csv.reader([header], delimiter=delimiter))))


def _check_header(path: Path, header: list[str]) -> tuple[str, ...]:
    columns = [clean_column(name) for name in header]
    while columns and not columns[-1]:
        columns.pop()  # an empty column at the right edge of a spreadsheet
    if len(columns) > 1 and not columns[0]:
        columns[0] = INDEX_COLUMN  # the index that pandas writes before the first column
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated or not all(columns):
        wrong = f"{', '.join(repeated)} more than once" if repeated else "a column without a name"
        raise ValueError(
            "The header must name each column exactly once, because cells are found by column name. "
            f"Received: {path.name} with {wrong}: {', '.join(header)}. Rename or delete a column."
        )
    return tuple(columns)


def _csv_records(
    path: Path, encoding: str | None, delimiter: str, escape: str | None = None
) -> Iterator[tuple[int, list[str], str | None]]:
    """Yields each record's number, as a spreadsheet counts it, its cells and its problem."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    with open(path, encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, escapechar=escape, strict=True)
        number = 0
        while True:
            first_line = reader.line_num + 1
            number += 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if "unexpected end" in str(error) or "field larger" in str(error):
                    raise ValueError(
                        "Every quote in a table must be closed, because all text after an open one becomes "
                        f"one cell. Received: {path.name}, line {first_line} ({error}). Close the quote."
                    ) from error
                yield number, [], f"quotes of lines {first_line} to {reader.line_num} are broken ({error})"
                continue
            if number == 1 and len(cells) == 2 and cells[0] == "sep=":
                number = 0  # a spreadsheet's line that declares the delimiter
                continue
            yield number, [cell.removeprefix("\ufeff") for cell in cells] if number == 1 else cells, None


def _to_rows(table: Table, records: Iterator[tuple[int, list[str], str | None]]) -> Iterator[TableRow]:
    num_columns = len(table.columns)
    next(records)  # the header
    for number, cells, problem in records:
        if not (cells or problem):
            continue
        if any(cells[num_columns:]):
            problem = f"{len(cells)} cells, but the header has {num_columns}"
        cells += [""] * (num_columns - len(cells))
        yield TableRow(number, dict(zip(table.columns, cells, strict=False)), problem)


def _read_json_lines(table: Table) -> Iterator[TableRow]:
    with open(table.path, encoding=table.encoding) as file:
        for number, line in enumerate(file, 1):
            line = line.strip().removeprefix("\ufeff")
            if not line:
                continue
            cells: dict[str, str] = {}
            problem: str | None = "not an object"
            try:
                values = json.loads(line, object_pairs_hook=_to_cells)
                if isinstance(values, dict):
                    cells, problem = values, None
            except RecursionError:
                problem = "nested too deeply"
            except ValueError as error:  # including json.JSONDecodeError
                problem = f"not JSON: {error}"
            yield TableRow(number, dict.fromkeys(table.columns, "") | cells, problem)


def _to_cells(pairs: list[tuple[str, object]]) -> dict[str, str]:
    cells = {}
    for key, value in pairs:
        name = clean_column(key)
        if name in cells:
            raise ValueError(f"{name} twice")
        if isinstance(value, bool):
            value = str(value).lower()
        # Nested values are kept as text: they matter only if the column is used.
        text = "" if value is None else value if isinstance(value, str) else json.dumps(value, default=str)
        cells[name] = text.encode("utf-8", "replace").decode()  # lone surrogates cannot be encoded
    return cells
