"""Reports how sure the results of a command are."""

from pathlib import Path

import click


class Confidences:
    """Remembers the confidence of the last result, and prints it.

    Args:
        doubt: What to say where it is low.
    """

    def __init__(self, doubt: str):
        self._doubt = doubt
        self._last = 1.0

    def note(self, confidence: float) -> None:
        """Remembers the confidence of a result, in [0, 1]."""
        self._last = float(confidence)

    def report(self, photo: Path) -> None:
        """Prints the last confidence, for the photo that it belongs to."""
        from zoo.cutout.confidence import DOUBTFUL

        doubt = f"  look at it: {self._doubt}" if self._last < DOUBTFUL else ""
        click.echo(f"{photo.name}: sure by {self._last:.2f}{doubt}")
