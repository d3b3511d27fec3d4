"""Finds the roles of a catalogue table's columns, and interprets its rows accordingly."""

import collections
import dataclasses
import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence

from training.data.catalog.photo_folder import RowSource
from training.data.catalog.quarantine import UnreadableRowError
from training.data.catalog.table import TableRow, clean_column

IMAGE_COLUMNS = ("image", "file", "filename", "path")
NUMBER_COLUMNS = ("price", "rating")
TEXT_COLUMN = "description"
SPLIT_COLUMN = "split"
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
# Words with another meaning in records, signatures or commands.
_TAKEN_NAMES = {
    *IMAGE_COLUMNS,
    *NUMBER_COLUMNS,
    *(TEXT_COLUMN, SPLIT_COLUMN, "colour_confidence"),
    *("images", "seed", "latents", "error", "classes", "probabilities"),
    *("server", "model", "run", "preset", "count", "output", "factor", "dry_run", "help", "debug"),
    *("like", "strength", "guidance", "steps", "size", "warning"),
}
_TAKEN_FORMS = re.compile("target_.*|.*_(bytes|classes|probabilities)")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_LARGEST_FLOAT32 = 3.4e38
# What spreadsheets, databases and pandas write where there is no value. Words such as "none" may be values.
_NO_VALUE = ("nan", "n/a", "#n/a", "<na>", "null", "#null!", "-", "--")


@dataclasses.dataclass(frozen=True)
class CatalogRow:
    """A catalogue row with valid cells.

    Args:
        number: Row number as a spreadsheet shows it.
        file: The photo's path as written in the table.
        values: The value of each attribute.
        numbers: The values of the number columns, NaN where empty.
        description: The product's description.
        split: `train`, `validation` or `test`; `""` if the table names none.
    """

    number: int
    file: str
    values: tuple[str, ...]
    numbers: tuple[float, ...]
    description: str
    split: str


@dataclasses.dataclass(frozen=True)
class Columns:
    """The roles of a table's columns.

    Args:
        image: The column that names the photos.
        attributes: The columns that become attributes.
        numbers: The number columns present in the table.
        has_description: Whether there is a description column.
        has_split: Whether there is a split column.
        renames: Attribute values and their replacements.

    Example:

    ```python
    columns = find_columns(table, ["category"], renames={})
    for row in table.read():
        print(columns.interpret(row).values)
    ```
    """

    image: str
    attributes: tuple[str, ...]
    numbers: tuple[str, ...]
    has_description: bool
    has_split: bool
    renames: Mapping[str, str]

    def interpret(self, row: TableRow) -> CatalogRow:
        """Interprets a row.

        Raises:
            UnreadableRowError: If an attribute is empty, or a cell is invalid for its column.
        """
        if row.problem is not None:
            raise UnreadableRowError("unreadable row", row.problem)
        values = []
        for name in self.attributes:
            value = _to_value(row.cells[name], self.renames)
            if not value:
                cell = row.cells[name].strip()
                raise UnreadableRowError("empty attribute", f"{name} {cell!r}" if cell else name)
            values.append(value)
        split = row.cells[SPLIT_COLUMN].strip().lower() if self.has_split else ""
        if split and split not in SPLIT_NAMES:
            raise UnreadableRowError("unknown split", f"{split}; known are train, validation and test")
        return CatalogRow(
            number=row.number,
            file=row.cells[self.image],
            values=tuple(values),
            numbers=tuple(to_number(name, row.cells[name]) for name in self.numbers),
            description=row.cells[TEXT_COLUMN] if self.has_description else "",
            split=SPLIT_NAMES.get(split, ""),
        )


def find_columns(table: RowSource, attributes: Sequence[str], renames: Mapping[str, str]) -> Columns:
    """Finds the roles of a table's columns, and checks them against every row.

    Args:
        table: The table.
        attributes: The columns that become attributes.
        renames: Attribute values and their replacements.

    Returns:
        The roles of the columns.

    Raises:
        ValueError: If a column is missing or unusable, an attribute has fewer than two values, or a value to
            rename does not occur.
    """
    names = [clean_column(name) for name in attributes]
    image = next((name for name in IMAGE_COLUMNS if name in table.columns), None)
    if image is None:
        raise ValueError(
            f"The table must have a column with the photos' paths, named one of {', '.join(IMAGE_COLUMNS)}. "
            f"Received: {table.path.name} with the columns {', '.join(table.columns)}. Rename one of them."
        )
    for name in names:
        _check_attribute(table, name, names)
    columns = Columns(
        image=image,
        attributes=tuple(names),
        numbers=tuple(name for name in NUMBER_COLUMNS if name in table.columns),
        has_description=TEXT_COLUMN in table.columns,
        has_split=SPLIT_COLUMN in table.columns,
        renames={show_spaces(old): show_spaces(new) for old, new in renames.items()},
    )
    _try_on_every_row(table, columns)
    return columns


def show_spaces(value: str) -> str:
    """Makes leading and trailing spaces and line breaks visible, because TFDS stores values as lines of text.

    Example:

    >>> show_spaces("t-shirt "), show_spaces("t-shirt")
    ('t-shirt␣', 't-shirt')
    """
    # An accented letter and a letter followed by a combining accent are the same text.
    value = unicodedata.normalize("NFC", value)
    inner = value.strip()
    start = len(value) - len(value.lstrip())
    shown = "␣" * start + inner + "␣" * (len(value) - start - len(inner)) if inner else ""
    return shown.replace("\r\n", "␤").replace("\n", "␤").replace("\r", "␤")


def _to_value(cell: str, renames: Mapping[str, str]) -> str:
    """Returns an attribute's value, `""` where the cell says that there is none."""
    value = show_spaces(cell)
    if value in renames:
        return renames[value]
    return "" if cell.strip().casefold() in _NO_VALUE else value


def to_number(name: str, text: str) -> float:
    """Parses a cell as a number with a decimal point; an empty cell is NaN.

    Raises:
        UnreadableRowError: If the cell is neither empty nor a number.
    """
    text = text.strip()
    if text.lower() in ("", "nan"):
        return math.nan
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    if abs(number) > _LARGEST_FLOAT32:
        raise UnreadableRowError("not a number", f"{name} {text[:40]!r}")
    return number


def _check_attribute(table: RowSource, name: str, names: Sequence[str]) -> None:
    if name not in table.columns:
        raise ValueError(
            "Every attribute must be a column of the table. "
            f"Received: {name}, columns {', '.join(table.columns)}. Choose among them with --attributes."
        )
    is_taken = name in _TAKEN_NAMES or _TAKEN_FORMS.fullmatch(name)
    if is_taken or not (name.isascii() and name.isidentifier()) or names.count(name) > 1:
        raise ValueError(
            "An attribute's name must be unique, consist of letters, digits and underscores, and not be a "
            f"reserved word. Received: {name}. Rename the column. Reserved: "
            f"{', '.join(sorted(_TAKEN_NAMES))}, target_..., ..._bytes, "
            "..._classes and ..._probabilities."
        )


def _try_on_every_row(table: RowSource, columns: Columns) -> None:
    """Checks all rows in a second, for errors that would otherwise appear only after reading every photo."""
    seen: dict[str, set[str]] = {name: set() for name in columns.attributes}
    before: set[str] = set()
    num_right: collections.Counter[str] = collections.Counter()
    first_wrong: dict[str, tuple[int, str]] = {}
    row, num_readable = None, 0
    for row in table.read():
        num_readable += row.problem is None
        for name in columns.numbers:
            text = row.cells.get(name, "")
            try:
                num_right[name] += not math.isnan(to_number(name, text))
            except UnreadableRowError:
                first_wrong.setdefault(name, (row.number, text))
        for name in columns.attributes:
            if cell := show_spaces(row.cells.get(name, "")):
                before.add(cell)
            if value := _to_value(row.cells.get(name, ""), columns.renames):
                seen[name].add(value)
    for name, (number, text) in first_wrong.items():
        if not num_right[name]:
            raise ValueError(
                f"The column {name} must contain numbers such as 12.5. Received: row {number} with "
                f"{text[:40]!r}, and no number in any other row. Convert or rename the column."
            )
    if row is None:
        raise ValueError(
            f"A table must have rows below its header. Received: {table.path.name} with none. "
            "Export it again."
        )
    if num_readable == 0:
        raise ValueError(
            f"A table must have rows that can be read. Received: {table.path.name}, in which none can: row "
            f"{row.number} has {row.problem}. Export it again as CSV (UTF-8)."
        )
    check_values(seen)
    unknown = sorted(columns.renames.keys() - before)
    if unknown:
        raise ValueError(
            "Only values that occur in the table can be renamed. "
            f"Received: {', '.join(unknown)}. Choose among: {', '.join(sorted(before)[:50])}."
        )


def check_values(values: Mapping[str, Collection[str]]) -> None:
    """Raises `ValueError` if an attribute has fewer than two values."""
    for name, known in values.items():
        if len(known) < 2:
            raise ValueError(
                "An attribute must have at least two values, because a model cannot learn a constant. "
                f"Received: {name} with {', '.join(known) or 'none'}. Choose other attributes with "
                "--attributes; for super-resolution, which needs none, leave out --table."
            )
