"""The rules of market places: data in `rules.json`, or in a file of the user's.

Each rule compares a measure of `serving/audit/measures.py` with bounds. Where a place's own page could not be
read, the place is marked as not official.
"""

import dataclasses
import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import UnknownNameError, WrongUsageError

PATH = Path(__file__).with_name("rules.json")
# Rules that were read longer ago may have changed.
MAX_AGE_DAYS = 180
# How far a ratio or another number that must equal a value may be from it, as a share.
TOLERANCE = 0.02
_BOUNDS = ("at_least", "at_most", "equals", "one_of")


@dataclasses.dataclass(frozen=True)
class Rule:
    """What a place asks of one measure.

    Args:
        measure: Name of the measure.
        at_least: Smallest value allowed, or None.
        at_most: Largest value allowed, or None.
        equals: The only value allowed, up to 2 % for numbers; or None.
        one_of: Words that are allowed; none if any is.
        is_advice: Whether the place accepts photos that do not keep it.
        only_format: The format of the photos that it holds for, or None for all.

    Example:

    >>> Rule("ratio", equals=1.0).allows(1.01), Rule("bits", at_most=8).allows(16)
    (True, False)
    """

    measure: str
    at_least: float | None = None
    at_most: float | None = None
    equals: float | bool | None = None
    one_of: tuple[str, ...] = ()
    is_advice: bool = False
    only_format: str | None = None

    def allows(self, value: Any) -> bool:
        """Returns whether a measured value keeps the rule."""
        if self.one_of:
            return value in self.one_of
        if isinstance(self.equals, bool):
            return value == self.equals
        if self.equals is not None:
            return abs(value - self.equals) <= TOLERANCE * self.equals
        is_enough = self.at_least is None or value >= self.at_least
        return is_enough and (self.at_most is None or value <= self.at_most)

    def describe(self) -> str:
        """Returns the bounds in words, e.g. `at least 500`."""
        if self.one_of:
            return ", ".join(self.one_of)
        if isinstance(self.equals, bool):
            return "yes" if self.equals else "no"
        if self.equals is not None:
            return _number(self.equals)
        parts = [("at least", self.at_least), ("at most", self.at_most)]
        return ", ".join(f"{word} {_number(bound)}" for word, bound in parts if bound is not None)


@dataclasses.dataclass(frozen=True)
class Place:
    """A market place.

    Args:
        name: Its name on the command line.
        title: Its name for readers.
        is_official: Whether its own page was read.
        sources: Where its rules are from.
        read: When they were read: year and month.
        rules: Its rules.
    """

    name: str
    title: str
    is_official: bool
    sources: tuple[str, ...]
    read: str
    rules: tuple[Rule, ...]

    def is_ageing(self, today: datetime.date) -> bool:
        """Returns whether the rules were read more than 180 days ago."""
        year, month = map(int, self.read.split("-"))
        return (today - datetime.date(year, month, 1)).days > MAX_AGE_DAYS


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def read_places(measures: Sequence[str], path: Path | None = None) -> dict[str, Place]:
    """Reads the rules of all places.

    Args:
        measures: The names of the measures that exist.
        path: A file like `rules.json`; the package's own by default.

    Raises:
        WrongUsageError: The file cannot be read, or something in it is none of a rule.
    """
    path = path or PATH
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return {name: _read_place(name, value, measures) for name, value in values.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise WrongUsageError(
            f"A file of rules must be as serving/audit/rules.json is. Received: {path}: {what}. Mend it."
        ) from error


def find_places(names: Sequence[str], places: Mapping[str, Place]) -> list[Place]:
    """Returns the places of these names.

    Raises:
        UnknownNameError: There is no such place.
    """
    for name in names:
        if name not in places:
            raise UnknownNameError("place", name, places)
    return [places[name] for name in dict.fromkeys(names)]


def _read_place(name: str, value: Mapping[str, Any], measures: Sequence[str]) -> Place:
    known = [field.name for field in dataclasses.fields(Place) if field.name != "name"]
    for key in value:
        if key not in known:
            raise UnknownNameError(f"entry of {name}", key, known)
    rules = tuple(_read_rule(name, rule, measures) for rule in value["rules"])
    place = Place(name, value["title"], value["is_official"], tuple(value["sources"]), value["read"], rules)
    place.is_ageing(datetime.date.today())  # raises if `read` is no month
    return place


def _read_rule(place: str, value: Mapping[str, Any], measures: Sequence[str]) -> Rule:
    known = [field.name for field in dataclasses.fields(Rule)]
    for key in value:
        if key not in known:
            raise UnknownNameError(f"entry of a rule of {place}", key, known)
    if value["measure"] not in measures:
        raise UnknownNameError(f"measure of {place}", value["measure"], measures)
    if not any(bound in value for bound in _BOUNDS):
        raise ValueError(f"a rule of {place} about {value['measure']} has none of {', '.join(_BOUNDS)}")
    return Rule(**{**value, "one_of": tuple(value.get("one_of", ()))})
