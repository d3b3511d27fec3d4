"""Exceptions for invalid usage: impossible values and unknown names."""

from collections.abc import Iterable


class WrongUsageError(ValueError):
    """Raised for a value that no data could make valid; the command line then exits with 2 instead of 1."""


class UnknownNameError(WrongUsageError):
    """Raised for an unknown name (of a model, a data set, an attribute value, ...).

    Args:
        kind: The kind of thing that the name should denote, e.g. `"model"`.
        name: The name received.
        known: The valid names.
        advice: What to do, beyond picking one of the valid names.

    Example:

    >>> UnknownNameError("model", "dcgann", ["dcgan", "srcnn"]).args[0]
    "Unknown model. Received: 'dcgann'. Known: dcgan, srcnn."
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], advice: str = ""):
        names = ", ".join(known) or "none"
        super().__init__(
            f"Unknown {kind}. Received: {name!r}. Known: {names}.{' ' + advice if advice else ''}"
        )
