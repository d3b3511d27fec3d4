"""Refused rows of a catalogue, and the CSV list of them for its owner."""

import csv
import dataclasses
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from zoo.files.atomic_write import atomic_path

FILE_NAME = "quarantine.csv"
COLUMNS = ("row", "file", "reason")
# Spreadsheets interpret cells that start with one of these as formulas; the full-width ones in Asian locales.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclasses.dataclass(frozen=True)
class Refusal:
    """A refused row and the reason why it is not in the data set.

    Args:
        row: Row number as a spreadsheet shows it.
        file: The photo's path as written in the row.
        reason: One of a few fixed phrases, which can be counted.
        detail: Details of this row; may be empty.
    """

    row: int
    file: str
    reason: str
    detail: str = ""

    def describe(self) -> str:
        """Returns the reason and the detail as one text."""
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


class UnreadableRowError(ValueError):
    """Raised for a row that has to be refused.

    Args:
        reason: As for `Refusal`.
        detail: As for `Refusal`.
    """

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


def count_reasons(refusals: Iterable[Refusal]) -> dict[str, int]:
    """Returns the number of rows refused for each reason, most frequent first."""
    return dict(Counter(refusal.reason for refusal in refusals).most_common())


def write_quarantine(path: str | os.PathLike, refusals: Iterable[Refusal]) -> None:
    """Writes the list of refused rows atomically as CSV, in the table's order.

    Args:
        path: The file to write.
        refusals: The refused rows.

    Example:

    ```python
    write_quarantine("quarantine.csv", [Refusal(2, "a.jpg", "missing")])
    ```
    """
    with (
        atomic_path(Path(path)) as temporary,
        open(temporary, "w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for refusal in sorted(refusals, key=lambda refusal: refusal.row):
            writer.writerow([refusal.row, *map(defuse_cell, (refusal.file, refusal.describe()))])


def defuse_cell(text: str) -> str:
    """Returns text that no spreadsheet interprets as a formula, with a leading apostrophe where needed.

    Example:

    >>> defuse_cell("=1+1"), defuse_cell("a=b")
    ("'=1+1", 'a=b')
    """
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text
