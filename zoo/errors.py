"""Exceptions for invalid usage: impossible values and unknown names."""

import difflib
from collections.abc import Iterable, Sequence

# Share of letters that a wrong name has in common with the one that is suggested.
_NEAR = 0.75


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
    "Unknown model. Received: 'dcgann'. Known: dcgan, srcnn. Did you mean 'dcgan'?"
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], advice: str = ""):
        known = list(known)
        text = f"Unknown {kind}. Received: {name!r}. Known: {', '.join(known) or 'none'}."
        near = _nearest(name, known)
        if near is not None:
            text += f" Did you mean {near!r}?"
        super().__init__(f"{text} {advice}".rstrip())


def _nearest(name: str, known: Sequence[str]) -> str | None:
    """Returns the known name that was probably meant: one spelled alike, or the only one with that part."""
    by_lower = {one.lower(): one for one in known}
    with_its_letters = [one for lower, one in by_lower.items() if sorted(lower) == sorted(name.lower())]
    if name and with_its_letters:
        return with_its_letters[0]
    alike = difflib.get_close_matches(name.lower(), by_lower, n=2, cutoff=_NEAR)
    shares = [difflib.SequenceMatcher(None, name.lower(), one).ratio() for one in alike]
    if len(alike) == 1 or (alike and shares[0] > shares[1]):
        return by_lower[alike[0]]
    with_part = [
        one for one in known if len(name) > 2 and name.lower() in one.lower().replace("-", "_").split("_")
    ]
    return with_part[0] if len(with_part) == 1 else None
