"""What an evaluation finds: scores, sheets to look at, and what a reader must be warned of."""

import dataclasses

from training.pages.picture_sheet import PictureSheet
from training.runs.score import Score


@dataclasses.dataclass(frozen=True)
class Findings:
    """What one part of an evaluation found.

    Args:
        scores: Scores by name.
        sheets: Picture sheets by caption.
        notes: Sentences that say what the scores cannot be trusted for, or what was left out and why.

    Example:

    >>> both = Findings(notes=["Few pictures."]) | Findings({"psnr": Score(30.0, "dB", 5)})
    >>> list(both.scores), both.notes
    (['psnr'], ['Few pictures.'])
    """

    scores: dict[str, Score] = dataclasses.field(default_factory=dict)
    sheets: dict[str, PictureSheet] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)

    def __or__(self, other: "Findings") -> "Findings":
        """Puts two parts together."""
        return Findings(self.scores | other.scores, self.sheets | other.sheets, [*self.notes, *other.notes])
