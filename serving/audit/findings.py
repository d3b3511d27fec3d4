"""Compares what was measured of photos with the rules of places."""

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from serving.audit.measures import MEASURES
from serving.audit.rules import Place, Rule
from training.data.catalog.quarantine import defuse_cell
from zoo.pictures.doubt import DOUBTFUL

COLUMNS = ("photo", "place", "kind", "rule", "measured", "required", "sure", "remedy", "mended")
BREACH, ADVICE, UNREADABLE = "breach", "advice", "unreadable"


@dataclasses.dataclass(frozen=True)
class Finding:
    """A photo that does not keep a rule, or cannot be read.

    Args:
        photo: Its file.
        place: The place's name; empty if it cannot be read.
        kind: `breach`, `advice` or `unreadable`.
        rule: What was measured, in words.
        measured: The value.
        required: The values allowed.
        is_sure: Whether nothing but the file had to be judged, or the product's mask is likely right.
        remedy: What mends it.
        mended: With `--fix`, the mended file, and what is wrong with it still, if anything.
        is_mended: Whether the place accepts that file.
    """

    photo: Path
    place: str
    kind: str
    rule: str
    measured: str
    required: str
    is_sure: bool = True
    remedy: str = ""
    mended: str = ""
    is_mended: bool = False


@dataclasses.dataclass(frozen=True)
class Audited:
    """What an audit found out about a photo.

    Args:
        photo: Its file.
        findings: What is wrong with it.
        unknown: Titles of the measures that rules ask about and this photo does not have.
    """

    photo: Path
    findings: Sequence[Finding]
    unknown: Sequence[str] = ()

    @property
    def passes(self) -> bool:
        """Whether every place accepts it, as far as was checked."""
        return all(finding.kind == ADVICE for finding in self.findings)

    @property
    def is_mended(self) -> bool:
        """Whether every place that refuses it accepts its mended version."""
        return not self.passes and all(
            finding.kind == ADVICE or finding.is_mended for finding in self.findings
        )


def broken_rules(values: Mapping[str, Any], place: Place) -> list[Rule]:
    """Returns the rules that a photo does not keep, at most one for each measure.

    What a place refuses comes first, and leaves nothing to advise about the same measure.
    """
    broken: dict[str, Rule] = {}
    for rule in sorted(place.rules, key=lambda rule: rule.is_advice):
        is_asked = rule.only_format in (None, values["format"]) and rule.measure in values
        if is_asked and rule.measure not in broken and not rule.allows(values[rule.measure]):
            broken[rule.measure] = rule
    return list(broken.values())


def audit(photo: Path, values: Mapping[str, Any], places: Sequence[Place]) -> Audited:
    """Compares what was measured of a photo with the rules of places."""
    findings: list[Finding] = []
    unknown = []
    for place in places:
        for rule in broken_rules(values, place):
            is_sure = not MEASURES[rule.measure].needs_mask or values.get("confidence", 1.0) >= DOUBTFUL
            findings.append(_describe(photo, place, rule, values[rule.measure], is_sure))
        for rule in place.rules:
            is_asked = rule.only_format in (None, values["format"])
            needs_jpeg = rule.measure == "jpeg_quality" and values["format"] != "jpeg"
            if is_asked and rule.measure not in values and not needs_jpeg:
                unknown.append(MEASURES[rule.measure].title)
    return Audited(photo, findings, list(dict.fromkeys(unknown)))


def to_csv(audited: Sequence[Audited]) -> bytes:
    """Returns all findings as a table; names that are no UTF-8 keep their bytes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for one in audited:
        for finding in one.findings:
            cells = (
                *(str(finding.photo), finding.place, finding.kind, finding.rule, finding.measured),
                *(finding.required, "yes" if finding.is_sure else "no", finding.remedy),
                finding.mended,
            )
            writer.writerow(map(defuse_cell, cells))
    return text.getvalue().encode("utf-8", "surrogateescape")


def _describe(photo: Path, place: Place, rule: Rule, value: Any, is_sure: bool) -> Finding:
    measure = MEASURES[rule.measure]
    unit = f" {measure.unit}" if measure.unit and not measure.unit.startswith("at ") else ""
    if isinstance(value, bool):
        measured = "yes" if value else "no"
    else:
        measured = value if isinstance(value, str) else f"{value:.3g}" if value < 100 else f"{value:.0f}"
    return Finding(
        photo,
        place.name,
        ADVICE if rule.is_advice else BREACH,
        measure.title,
        f"{measured}{unit}",
        f"{rule.describe()}{unit}",
        is_sure,
        measure.remedy,
    )
