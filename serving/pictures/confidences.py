"""Reports how sure the results of a command are."""

from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np

from zoo.pictures.doubt import DOUBTFUL


class Confidences:
    """Remembers the confidence of the last result, and prints it.

    Args:
        doubt: What to say where it is low.
    """

    def __init__(self, doubt: str):
        self._doubt = doubt
        self._last: float | None = None

    def note(self, outputs: Mapping[str, np.ndarray]) -> None:
        """Remembers the confidence among a response's outputs; models of other makers may give none."""
        self._last = float(outputs["confidence"][0]) if "confidence" in outputs else None

    def report(self, photo: Path) -> None:
        """Prints the last confidence, for the photo that it belongs to."""
        if self._last is not None:
            doubt = f"  look at it: {self._doubt}" if self._last < DOUBTFUL else ""
            click.echo(f"{photo.name}: sure by {self._last:.2f}{doubt}")
