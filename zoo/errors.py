"""The error for a name that does not exist."""

from collections.abc import Iterable


class UnknownNameError(ValueError):
    """A name (model, data set, attribute value, ...) that nothing is known by.

    The command line turns it into exit code 2 (wrong usage); every other error is exit code 1 (failed).

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
