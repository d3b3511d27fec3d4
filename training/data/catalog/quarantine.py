"""The rows of a catalogue that were refused, and the list of them that its owner reads."""

import csv
import dataclasses
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from zoo.files.atomic_write import atomic_path

FILE_NAME = "quarantine.csv"
COLUMNS = ("row", "file", "reason")
# A spreadsheet takes a cell that begins with one of these for a formula; the wide ones in Asian locales.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Why a row is not in the data set.

    Args:
        row: Number of the row as a spreadsheet shows it.
        file: What the row names as its photo.
        reason: One of few sentences, for counting.
        detail: What is particular to the row; may be empty.
    """

    row: int
    file: str
    reason: str
    detail: str = ""

    def describe(self) -> str:
        """Returns reason and detail."""
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


class UnreadableRowError(ValueError):
    """A row that has to be refused.

    Args:
        reason: As for `Refusal`.
        detail: As for `Refusal`.
    """

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


def count_reasons(refusals: Iterable[Refusal]) -> dict[str, int]:
    """Returns how many rows were refused for each reason, the most frequent first."""
    return dict(Counter(refusal.reason for refusal in refusals).most_common())


def write_quarantine(path: str | os.PathLike, refusals: Iterable[Refusal]) -> None:
    """Writes the list of refused rows as CSV, in the order of the table, whole or not at all.

    Args:
        path: Where to write it.
        refusals: The refused rows.

    Example:

    ```python
    write_quarantine("quarantine.csv", [Refusal(2, "a.jpg", "missing")])
    ```
    """
    with atomic_path(Path(path)) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for refusal in sorted(refusals, key=lambda refusal: refusal.row):
            writer.writerow([refusal.row, *map(defuse_cell, (refusal.file, refusal.describe()))])


def defuse_cell(text: str) -> str:
    """Returns text that no spreadsheet takes for a formula: a leading apostrophe makes it text.

    Example:

    >>> defuse_cell("=1+1"), defuse_cell("a=b")
    ("'=1+1", 'a=b')
    """
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text
