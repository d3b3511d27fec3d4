"""Errors that say: what was asked for cannot be."""

from collections.abc import Iterable


class WrongUsageError(ValueError):
    """A value that is impossible whatever the data: the command line exits with 2 instead of 1."""


class UnknownNameError(WrongUsageError):
    """A name (model, data set, attribute value, ...) that nothing is known by.

    Args:
        kind: What the name should have named, e.g. `"model"`.
        name: The name received.
        known: The names that exist.
        advice: What to do, when more can be said than the list of names.

    Example:

    >>> UnknownNameError("model", "dcgann", ["dcgan", "srcnn"]).args[0]
    "Unknown model. Received: 'dcgann'. Known: dcgan, srcnn."
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], advice: str = ""):
        names = ", ".join(known) or "none"
        super().__init__(
            f"Unknown {kind}. Received: {name!r}. Known: {names}.{' ' + advice if advice else ''}"
        )
