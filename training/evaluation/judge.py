"""Judges whether pictures show the requested attributes, with a model that did not make them."""

from collections.abc import Mapping

import numpy as np

from training.evaluation.feature_extractor import fit_pictures

_BATCH_SIZE = 256
# A judge is trusted if it closes at least this share of the gap between guessing and being always right. Of
# fewer pictures its accuracy says too little to tell.
TRUSTED_GAIN, MIN_JUDGED = 0.5, 30


def judge_pictures(judge, raw_images: np.ndarray) -> dict[str, np.ndarray]:
    """Judges pictures batch by batch.

    Args:
        judge: A model with `judge`, e.g. a `Classifier`.
        raw_images: uint8 array `[N, S, S, C]`; a judge of another size or number of channels sees them
            resized or in its channels.

    Returns:
        For each of the judge's attributes a float32 array `[N, K]` of probabilities.
    """
    side: int | None = getattr(judge, "image_size", None)
    channels: int = judge.channels if hasattr(judge, "channels") else raw_images.shape[-1]
    batches = [
        judge.judge(np.asarray(fit_pictures(raw_images[start : start + _BATCH_SIZE], side, channels)))
        for start in range(0, len(raw_images), _BATCH_SIZE)
    ]
    return {name: np.concatenate([np.asarray(batch[name]) for batch in batches]) for name in batches[0]}


def find_hits(
    probabilities: Mapping[str, np.ndarray], attribute_ids: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Returns, for each attribute, whether the most probable value is the requested one.

    Args:
        probabilities: For each attribute a float array `[N, K]`.
        attribute_ids: For each requested attribute an integer array `[N]`; -1 where no value is requested.

    Returns:
        For each requested attribute a float64 array of 0 and 1, of the rows where a value is requested.

    Example:

    >>> find_hits({"category": np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])}, {"category": [0, 1, -1]})
    {'category': array([1., 0.])}
    """
    hits = {}
    for name, ids in attribute_ids.items():
        ids = np.asarray(ids)
        is_right = np.argmax(probabilities[name], axis=-1) == ids
        hits[name] = is_right[ids >= 0].astype("float64")
    return hits


def closes_gap(accuracy: float, chance: float, share: float) -> bool:
    """Says whether a judge closes a share of the gap between guessing and being always right.

    Example:

    >>> closes_gap(0.75, 0.5, share=0.5), closes_gap(0.7, 0.5, share=0.5)
    (True, False)
    """
    return accuracy - chance >= share * (1.0 - chance)


def find_doubt(attribute: str, real_hits: np.ndarray, real_ids: np.ndarray) -> str:
    """Returns why a judge's opinion on an attribute says little; an empty string if it can be trusted.

    Args:
        attribute: The attribute's name.
        real_hits: Array of 0 and 1: whether the judge is right about real pictures (`find_hits`).
        real_ids: Integer array of the values that those pictures show; -1 where it is unknown.

    Example:

    >>> find_doubt("colour", np.array([1.0, 0.0] * 20), np.arange(40) % 2)
    'The judge sees the colour of 50 % of the real pictures, by guessing 50 %'
    """
    known = np.asarray(real_ids)[np.asarray(real_ids) >= 0]
    if len(known) < MIN_JUDGED:
        return ""
    accuracy, chance = float(np.mean(real_hits)), float(np.bincount(known).max() / len(known))
    if closes_gap(accuracy, chance, TRUSTED_GAIN):
        return ""
    return (
        f"The judge sees the {attribute} of {100 * accuracy:.0f} % of the real pictures, by guessing "
        f"{100 * chance:.0f} %"
    )
