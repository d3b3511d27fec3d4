"""Marks scores that say little, so that nobody is flattered by them."""

from training.evaluation.findings import Findings

# Pictures whose mean distance from each other is below this share of the real ones' hardly differ.
LEAST_VARIETY = 0.2
_VARIETY, _VARIETY_WITHIN = "pairwise_distance", "pairwise_distance_within_"
# Scores that pictures without variety flatter: each may be good by itself.
_OF_SINGLE_PICTURES = ("precision", "density", "conditional_accuracy_")


def mark_doubtful(findings: Findings) -> Findings:
    """Returns findings in which scores that pictures without variety flatter are marked, with a warning.

    Example:

    >>> from training.runs.score import Score
    >>> variety = Score(0.1, "feature units", 50).beside(Score(2.0, "feature units", 50), "real pictures")
    >>> marked = mark_doubtful(Findings({"precision": Score(1.0, "share", 50), "pairwise_distance": variety}))
    >>> marked.scores["precision"].doubt
    'The generated pictures hardly differ: the distance between two is 5 % of that between real ones'
    >>> marked.notes
    ['The generated pictures hardly differ: ... real ones. This says little: precision.']
    """
    scores = dict(findings.scores)
    doubt = _find_lack_of_variety(findings)
    for name in scores:
        if name.startswith(_OF_SINGLE_PICTURES):
            scores[name] = scores[name].doubted(doubt)
    notes = [
        f"{doubt}. This says little: {', '.join(name for name in scores if scores[name].doubt == doubt)}."
        for doubt in dict.fromkeys(score.doubt for score in scores.values() if score.doubt)
    ]
    return Findings(scores, findings.sheets, [*findings.notes, *notes])


def _find_lack_of_variety(findings: Findings) -> str:
    for name, score in findings.scores.items():
        if name != _VARIETY and not name.startswith(_VARIETY_WITHIN):
            continue
        real = score.baseline.value if score.baseline else 0.0
        if real > 0 and score.value < LEAST_VARIETY * real:
            within = name.removeprefix(_VARIETY_WITHIN)
            of_one = f" of one {within}" if within != name else ""
            return (
                f"The generated pictures{of_one} hardly differ: the distance between two is "
                f"{100 * score.value / real:.0f} % of that between real ones"
            )
    return ""
