"""Scores recoloured photos against masks drawn by hand and the wanted colours.

The scores (`training/evaluation/measures/recolour_scores.py`) measure in another colour space than the one in
which pictures are recoloured, and have no part in any training.
"""

from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from training.evaluation.findings import Findings
from training.evaluation.masks import masked_photos
from training.evaluation.measures.bootstrap import mean_score
from training.evaluation.measures.recolour_scores import score_recolouring
from training.evaluation.subject import Subject
from training.runs.score import Score
from zoo.colour.basic_colours import COLOURS

# Chromatic targets, and the two that change the cloth's light.
CHROMATIC, NEUTRAL = ("red", "blue", "yellow"), ("white", "black")
UNITS = {
    "target_difference": "CIEDE2000",
    "pixel_difference": "CIEDE2000",
    "gradient_correlation": "at most 1",
    "ground_difference": "CIEDE2000",
    "ground_visible_share": "share",
}


def make_stages(subject: Subject) -> dict[str, Callable[[], Findings]]:
    """Returns the stage that recolours photos and scores the results."""
    return {"recolourings": lambda: score_recolourings(subject.model, masked_photos(subject))}


def score_recolourings(model, photos: Iterable[tuple[np.ndarray, np.ndarray]]) -> Findings:
    """Recolours every photo to each target.

    Args:
        model: Has `recolour`.
        photos: Photos, uint8 `[h, w, 3]`, with their masks, uint8 `[h, w]`.

    Returns:
        Each measure's mean over photos and targets, for chromatic and for neutral targets.
    """
    recolour = tf.function(model.recolour, reduce_retracing=True)
    values: dict[str, list[float]] = {}
    for photo, mask in photos:
        for target in (*CHROMATIC, *NEUTRAL):
            result = recolour(
                tf.constant(photo),
                tf.constant(COLOURS[target], "uint8"),
                tf.zeros([3], "uint8"),
                tf.constant(False),
                tf.constant(1.0),
            )
            scores = score_recolouring(photo, result.raw_image.numpy(), mask, COLOURS[target])
            kind = "neutral" if target in NEUTRAL else "chromatic"
            for name, value in scores.items():
                values.setdefault(f"{name}_{kind}", []).append(value)
    return Findings({name: _score(name, measured) for name, measured in values.items()})


def _score(name: str, values: list[float]) -> Score:
    finite = [value for value in values if np.isfinite(value)]
    return mean_score(finite, UNITS[name.rpartition("_")[0]], "masks drawn by hand")
