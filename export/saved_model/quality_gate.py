"""Stops an export whose measured scores do not meet `zoo export --require`.

Imports no TensorFlow, so a model that does not pass is refused at once.
"""

import math
import operator
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from training.trained_model import Source, read_evaluation
from zoo.errors import WrongUsageError
from zoo.presets.registry import score_value

_OPERATORS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}
_REQUIREMENT = re.compile(r"\s*([^\s<>=]+)\s*(>=|<=|>|<)\s*([^\s<>=]+)\s*(.*?)\s*")


class Requirement(NamedTuple):
    """A limit that a score must meet.

    Args:
        score: The score's name in `evaluation.json`.
        comparison: `">="`, `">"`, `"<="` or `"<"`.
        limit: The number that the score is compared with.
        unit: The limit's unit, `""` if none was given.
    """

    score: str
    comparison: str
    limit: float
    unit: str

    def __str__(self) -> str:
        return f"{self.score}{self.comparison}{self.limit:g}{' ' if self.unit else ''}{self.unit}"


def parse_requirement(text: str) -> Requirement:
    """Reads a requirement as the command line gives it.

    Args:
        text: Score, comparison and number, optionally followed by the score's unit.

    Raises:
        WrongUsageError: The text is not a requirement.

    Example:

    >>> parse_requirement("psnr >= 30 dB")
    Requirement(score='psnr', comparison='>=', limit=30.0, unit='dB')
    """
    parts = _REQUIREMENT.fullmatch(text)
    try:
        limit = float(parts[3]) if parts else math.nan
    except ValueError:
        limit = math.nan
    if parts is None or math.isnan(limit):
        raise WrongUsageError(
            "`--require` must be a score, one of >=, >, <=, <, and a number. "
            f"Received: {text!r}. Example, quoted for the shell: --require 'psnr>=30'."
        )
    return Requirement(parts[1], parts[2], limit, parts[4])


def check_requirements(source: Source, requirements: Sequence[Requirement]) -> None:
    """Compares the measured scores of a run or preset with their requirements.

    Args:
        source: The run or preset.
        requirements: The limits, all of which must be met.

    Raises:
        FileNotFoundError: The run has not been evaluated.
        ValueError: A requirement is not met, or its score was not measured or has another unit.
    """
    if not requirements:
        return
    if source.kind == "untrained":
        raise ValueError(
            f"`--require` needs a model with scores. Received: {source.name}, which learns nothing and has "
            "none. Leave --require out."
        )
    evaluation = read_evaluation(source.directory) if source.preset is None else source.preset.evaluation
    scores = evaluation["scores"] if evaluation else {}
    for requirement in requirements:
        _check(requirement, scores, source)


def _check(requirement: Requirement, scores: Mapping[str, Any], source: Source) -> None:
    score = scores.get(requirement.score)
    if score is None:
        raise ValueError(
            f"`--require` must name a score of the evaluation. Received: {requirement}, scores of "
            f"{source.name}: {', '.join(scores) or 'none'}. Name one of these, or measure it: zoo evaluate "
            f"{source.directory if source.preset is None else source.preset.reference}"
        )
    unit = score.get("unit", "") if isinstance(score, dict) else ""
    if requirement.unit and requirement.unit != unit:
        raise ValueError(
            f"`--require` must have the score's own unit. Received: {requirement}, unit of "
            f"{requirement.score}: {unit or 'none'}. Use that unit, or leave it out."
        )
    doubt = score.get("doubt", "") if isinstance(score, dict) else ""
    if doubt:
        raise ValueError(
            f"`--require` must name a score that says something. Received: {requirement}; of it the "
            f"evaluation says: {doubt}. Require another score, or evaluate with a better judge."
        )
    # NaN, the score of a model that diverged, meets no requirement.
    if not _OPERATORS[requirement.comparison](score_value(score), requirement.limit):
        raise ValueError(
            f"The model must meet every `--require`. Received: {requirement}, measured: {requirement.score}="
            f"{_describe(score, unit)}. Nothing was written. Train longer, choose another run or lower the "
            "requirement."
        )


def _describe(score: Any, unit: str) -> str:
    interval = score.get("interval") if isinstance(score, dict) else None
    text = f"{score_value(score):g}{' ' if unit else ''}{unit}"
    return f"{text} (95 % interval {interval[0]:g} to {interval[1]:g})" if interval else text
