"""The findings of an evaluation: scores, picture sheets and warnings."""

import dataclasses

from training.pages.picture_sheet import PictureSheet
from training.runs.score import Score


@dataclasses.dataclass(frozen=True)
class Findings:
    """The findings of one part of an evaluation.

    Args:
        scores: Scores by name.
        sheets: Picture sheets by caption.
        notes: Warnings for the reader: why scores are unreliable, or which were omitted and why.

    Example:

    >>> both = Findings(notes=["Few pictures."]) | Findings({"psnr": Score(30.0, "dB", 5)})
    >>> list(both.scores), both.notes
    (['psnr'], ['Few pictures.'])
    """

    scores: dict[str, Score] = dataclasses.field(default_factory=dict)
    sheets: dict[str, PictureSheet] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)

    def __or__(self, other: "Findings") -> "Findings":
        """Merges the findings of two parts."""
        return Findings(self.scores | other.scores, self.sheets | other.sheets, [*self.notes, *other.notes])
