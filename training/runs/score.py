"""A score: one measured value with everything needed to interpret it."""

import dataclasses
from typing import Any

# What stands behind a doubtful value.
DOUBTFUL = ", doubtful"


@dataclasses.dataclass(frozen=True)
class Score:
    """A measured value with its confidence interval, sample size and method.

    Args:
        value: The measured value.
        unit: Its unit, e.g. `"dB"`; `"share"` for a value in [0, 1].
        num_samples: Number of pictures (or pairs, or rows) it was measured on.
        measured_with: The judge or the features used, e.g. `"features of classifier"`.
        interval: Lower and upper bound of the 95 % interval; None if there is none.
        baseline: The same measure without the model, from the same evaluation.
        baseline_name: Name of the baseline, e.g. `"real train pictures"`.
        doubt: Why the value says little, a sentence without its full stop; empty if nothing is known against
            it.

    Example:

    >>> Score(31.2, "dB", 5, "luma").beside(Score(30.4, "dB", 5, "luma"), "bicubic").gain
    0.8
    """

    value: float
    unit: str
    num_samples: int
    measured_with: str = ""
    interval: tuple[float, float] | None = None
    baseline: "Score | None" = None
    baseline_name: str = ""
    doubt: str = ""

    @property
    def gain(self) -> float | None:
        """The value minus the baseline's, rounded to 10 decimals; None without a baseline."""
        return None if self.baseline is None else round(self.value - self.baseline.value, 10)

    def beside(self, baseline: "Score", name: str) -> "Score":
        """Returns the score with a baseline."""
        return dataclasses.replace(self, baseline=baseline, baseline_name=name)

    @property
    def mark(self) -> str:
        """What stands behind a doubtful value where it is shown; empty for others."""
        return DOUBTFUL if self.doubt else ""

    def doubted(self, why: str) -> "Score":
        """Returns the score with a doubt; an empty one, or a second, changes nothing."""
        return dataclasses.replace(self, doubt=self.doubt or why)

    def to_json(self) -> dict[str, Any]:
        """Returns the score's entry in `evaluation.json`."""
        values: dict[str, Any] = {
            "value": float(self.value),
            "interval": None if self.interval is None else [float(side) for side in self.interval],
            "num_samples": int(self.num_samples),
            "unit": self.unit,
            "measured_with": self.measured_with,
        }
        if self.baseline is not None:
            values["baseline"] = {"name": self.baseline_name, **self.baseline.to_json()}
        if self.doubt:
            values["doubt"] = self.doubt
        return values


def format_score(score: Score) -> str:
    """Formats the value and its interval as text.

    Example:

    >>> format_score(Score(0.9123, "share", 1000, interval=(0.9, 0.92)))
    '0.9123 (0.9 to 0.92)'
    """
    if score.interval is None:
        return f"{score.value:.4g}"
    low, high = score.interval
    return f"{score.value:.4g} ({low:.4g} to {high:.4g})"
