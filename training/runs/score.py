"""One measured number with everything needed to read it."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Score:
    """A value, how sure it is, and what it was measured on and with.

    Args:
        value: The number.
        unit: Its unit, e.g. `"dB"`; `"share"` for a number in [0, 1].
        num_samples: How many pictures (or pairs, or rows) it is a figure of.
        measured_with: What judged or compared, e.g. `"features of classifier"`.
        interval: The 95 % interval, low and high; None where none was made.
        baseline: The same measure of what can be had without the model, in the same run.
        baseline_name: What the baseline is, e.g. `"real train pictures"`.

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

    @property
    def gain(self) -> float | None:
        """The value less that of the baseline, without the last bits; None without a baseline."""
        return None if self.baseline is None else round(self.value - self.baseline.value, 10)

    def beside(self, baseline: "Score", name: str) -> "Score":
        """Returns the score with a baseline beside it."""
        return dataclasses.replace(self, baseline=baseline, baseline_name=name)

    def to_json(self) -> dict[str, Any]:
        """Returns what `evaluation.json` says of the score."""
        values: dict[str, Any] = {
            "value": float(self.value),
            "interval": None if self.interval is None else [float(side) for side in self.interval],
            "num_samples": int(self.num_samples),
            "unit": self.unit,
            "measured_with": self.measured_with,
        }
        if self.baseline is not None:
            values["baseline"] = {"name": self.baseline_name, **self.baseline.to_json()}
        return values


def format_score(score: Score) -> str:
    """Returns value and interval as text.

    Example:

    >>> format_score(Score(0.9123, "share", 1000, interval=(0.9, 0.92)))
    '0.9123 (0.9 to 0.92)'
    """
    if score.interval is None:
        return f"{score.value:.4g}"
    low, high = score.interval
    return f"{score.value:.4g} ({low:.4g} to {high:.4g})"
