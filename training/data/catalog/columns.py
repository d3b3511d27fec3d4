"""What the columns of a catalogue's table mean, and the rows read by that meaning."""

import collections
import dataclasses
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence

from training.data.catalog.quarantine import UnreadableRowError
from training.data.catalog.table import Table, TableRow, clean_column

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
# Words that records, signatures and commands use for something else.
_TAKEN_NAMES = {
    *IMAGE_COLUMNS,
    *NUMBER_COLUMNS,
    *(TEXT_COLUMN, SPLIT_COLUMN, "colour_confidence"),
    *("images", "seed", "latents", "error", "classes", "probabilities"),
    *("server", "model", "run", "preset", "count", "output", "factor", "dry_run", "help", "debug"),
}
_TAKEN_FORMS = re.compile("target_.*|.*_(bytes|classes|probabilities)")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_LARGEST_FLOAT32 = 3.4e38


@dataclasses.dataclass(frozen=True)
class CatalogRow:
    """A row of a catalogue whose cells make sense.

    Args:
        number: Number of the row as a spreadsheet shows it.
        file: Path of the photo as the table has it.
        values: The value of each attribute.
        numbers: The number columns, NaN where empty.
        description: What the row says about the product.
        split: `train`, `validation` or `test`; `""` if the table does not say.
    """

    number: int
    file: str
    values: tuple[str, ...]
    numbers: tuple[float, ...]
    description: str
    split: str


@dataclasses.dataclass(frozen=True)
class Columns:
    """Which columns of a table are used.

    Args:
        image: The column that names the photos.
        attributes: The columns that become attributes.
        numbers: The number columns that there are.
        has_description: Whether there is a description.
        has_split: Whether there is a column that names the splits.
        renames: Attribute values and what replaces them.

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
        """Returns a row by its meaning.

        Raises:
            UnreadableRowError: If an attribute is empty, or a cell is not what its column holds.
        """
        if row.problem is not None:
            raise UnreadableRowError("unreadable row", row.problem)
        values = []
        for name in self.attributes:
            value = show_spaces(row.cells[name])
            if not value:
                raise UnreadableRowError("empty attribute", name)
            values.append(self.renames.get(value, value))
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


def find_columns(table: Table, attributes: Sequence[str], renames: Mapping[str, str]) -> Columns:
    """Finds the columns of a table that are used, and tries them on every row.

    Args:
        table: The table.
        attributes: The columns that become attributes.
        renames: Attribute values and what replaces them.

    Returns:
        The columns.

    Raises:
        ValueError: If a column is missing or cannot serve, an attribute has one value only, or a value to be
            renamed occurs nowhere.
    """
    names = [clean_column(name) for name in attributes]
    image = next((name for name in IMAGE_COLUMNS if name in table.columns), None)
    if image is None:
        raise ValueError(
            f"The table must have a column that names the photos: {', '.join(IMAGE_COLUMNS)}. "
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
    """Makes spaces at the ends and line breaks visible: TFDS keeps the values of an attribute as lines.

    Example:

    >>> show_spaces("t-shirt "), show_spaces("t-shirt")
    ('t-shirt␣', 't-shirt')
    """
    # One letter with an accent and a letter followed by an accent are the same text.
    value = unicodedata.normalize("NFC", value)
    inner = value.strip()
    start = len(value) - len(value.lstrip())
    shown = "␣" * start + inner + "␣" * (len(value) - start - len(inner)) if inner else ""
    return shown.replace("\r\n", "␤").replace("\n", "␤").replace("\r", "␤")


def to_number(name: str, text: str) -> float:
    """Returns the number that a cell holds, with a decimal point, NaN if it is empty.

    Raises:
        UnreadableRowError: If it holds something else.
    """
    text = text.strip()
    if text.lower() in ("", "nan"):
        return math.nan
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    if abs(number) > _LARGEST_FLOAT32:
        raise UnreadableRowError("not a number", f"{name} {text[:40]!r}")
    return number


def _check_attribute(table: Table, name: str, names: Sequence[str]) -> None:
    if name not in table.columns:
        raise ValueError(
            "Every attribute must be a column of the table. "
            f"Received: {name}, columns {', '.join(table.columns)}. Name others: --attributes."
        )
    is_taken = name in _TAKEN_NAMES or _TAKEN_FORMS.fullmatch(name)
    if is_taken or not (name.isascii() and name.isidentifier()) or names.count(name) > 1:
        raise ValueError(
            "An attribute must be named once, by letters, digits and underscores, and not by a word that "
            f"means something else here. Received: {name}. Rename the column. Taken: "
            f"{', '.join(sorted(_TAKEN_NAMES))}, target_..., ..._bytes, "
            "..._classes and ..._probabilities."
        )


def _try_on_every_row(table: Table, columns: Columns) -> None:
    """Finds in a second what would otherwise come out after every photo is read."""
    seen = {name: set() for name in columns.attributes}
    before = set()
    num_right, first_wrong = collections.Counter(), {}
    row = None
    for row in table.read():
        for name in columns.numbers:
            text = row.cells.get(name, "")
            try:
                num_right[name] += not math.isnan(to_number(name, text))
            except UnreadableRowError:
                first_wrong.setdefault(name, (row.number, text))
        for name in columns.attributes:
            value = show_spaces(row.cells.get(name, ""))
            if value:
                before.add(value)
                seen[name].add(columns.renames.get(value, value))
    for name, (number, text) in first_wrong.items():
        if not num_right[name]:
            raise ValueError(
                f"The column {name} must hold numbers such as 12.5. Received: row {number} with "
                f"{text[:40]!r}, and no number in any other row. Convert or rename the column."
            )
    if row is None:
        raise ValueError(
            f"A table must have rows below its header. Received: {table.path.name} with none. Export again."
        )
    check_values(seen)
    unknown = sorted(columns.renames.keys() - before)
    if unknown:
        raise ValueError(
            "Only a value that occurs can be renamed. "
            f"Received: {', '.join(unknown)}. Values: {', '.join(sorted(before)[:50])}."
        )


def check_values(values: Mapping[str, Sequence[str] | set[str]]) -> None:
    """Raises `ValueError` if an attribute has fewer than two values."""
    for name, known in values.items():
        if len(known) < 2:
            raise ValueError(
                "An attribute must have at least two values, because a model cannot learn a constant. "
                f"Received: {name} with {', '.join(known) or 'none'}. Name others with --attributes; for "
                "super-resolution, which needs none, leave out --table."
            )
