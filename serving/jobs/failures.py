"""Collects the photos that could not be converted, says why, and lists them in a file."""

import csv
import dataclasses
import io
import os
import threading
from pathlib import Path

import click

from training.data.catalog.quarantine import defuse_cell

FILE_NAME = "failed.csv"
COLUMNS = ("photo", "reason", "detail")
MAX_SHOWN = 10


@dataclasses.dataclass(frozen=True)
class Failure:
    """A photo that could not be converted.

    Args:
        photo: Its file.
        reason: What is wrong, one of a few phrases or a model's message.
        detail: Details of this file; may be empty.
    """

    photo: Path
    reason: str
    detail: str = ""

    def describe(self) -> str:
        """Returns one line."""
        text = f"{self.photo}: {self.reason}" + (f": {self.detail}" if self.detail else "")
        return printable(" ".join(text.split()))


class Failures:
    """The failures of a job; may be filled from several threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._all: list[Failure] = []

    def __len__(self) -> int:
        return len(self._all)

    def add(self, failure: Failure) -> None:
        """Adds a failure."""
        with self._lock:
            self._all.append(failure)

    def sorted(self) -> list[Failure]:
        """Returns the failures in the order of the photos' names."""
        return sorted(self._all, key=lambda failure: str(failure.photo))

    def to_csv(self) -> bytes:
        """Returns the list as a table; names that are no UTF-8 keep their bytes."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for failure in self.sorted():
            writer.writerow(map(defuse_cell, (str(failure.photo), failure.reason, failure.detail)))
        return text.getvalue().encode("utf-8", "surrogateescape")

    def show(self, listed: Path) -> None:
        """Prints the first failures on standard error, one line each, if `describe` does not say it all."""
        if len(self) == 1:
            return
        for failure in self.sorted()[:MAX_SHOWN]:
            click.echo(failure.describe(), err=True)
        if len(self) > MAX_SHOWN:
            click.echo(f"... and {len(self) - MAX_SHOWN:,} more, listed in {listed}", err=True)

    def describe(self, listed: Path) -> str:
        """Returns the failures in one line."""
        if len(self) == 1:
            return self._all[0].describe()
        return f"{len(self):,} photos could not be converted; {listed} lists them."


def printable(text: str) -> str:
    """Returns text in which names that are no UTF-8 can be printed."""
    return os.fsencode(text).decode("utf-8", "replace")
