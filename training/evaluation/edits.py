"""Scores edits of attributes: whether they succeed, and how much else they change in the photo.

Each attribute is edited separately, to a random value other than the photo's own.
"""

from collections.abc import Callable

import numpy as np

from training.colour.foreground import find_foreground
from training.colour.oklab import to_linear, to_oklab
from training.colour.product_colour import judge_colour
from training.evaluation.feature_extractor import FeatureExtractor
from training.evaluation.findings import Findings
from training.evaluation.judge import find_doubt, find_hits, judge_pictures
from training.evaluation.measures.bootstrap import mean_score
from training.evaluation.subject import Subject
from training.input.labelled_pictures import LabelledPictures, reconstruct
from zoo.colour.basic_colours import COLOURS
from zoo.pictures import pixels

RECONSTRUCTIONS, REAL = "reconstructions without an edit", "real test pictures"
MAX_EDITED_IMAGES = 2000
# Segmenting a photo takes 0.5 to 5 milliseconds.
MAX_SEGMENTED_IMAGES = 500
COLOUR_RULE = "colour rule"
_BATCH_SIZE = 256


def make_stages(subject: Subject) -> dict[str, Callable[[], Findings]]:
    """Returns the stage that scores edits of the test photos."""
    judge, name = (subject.judge.model, subject.judge.name) if subject.judge else (None, "")
    return {
        "edits": lambda: score_edits(
            subject.model, subject.test, judge, name, subject.extractor, subject.seed
        )
    }


def score_edits(
    model,
    test: LabelledPictures,
    judge=None,
    judge_name: str = "",
    extractor: FeatureExtractor | None = None,
    seed: int = 0,
) -> Findings:
    """Edits test photos and scores the edits.

    Args:
        model: A `ConditionalVAE`.
        test: Test photos in the model's size.
        judge: A model with `judge` that did not make the edits; None omits its scores.
        judge_name: The judge's name.
        extractor: Network on whose features an edit's distance to the photo is measured; None omits it.
        seed: Seed of the target values.

    Returns:
        Scores for each attribute. The baseline of those that measure other changes is plain reconstruction.
    """
    random = np.random.default_rng(seed)
    findings = Findings()
    for attribute, values in model.attributes.items():
        known = np.flatnonzero(test.attribute_ids[attribute] >= 0)[:MAX_EDITED_IMAGES]
        if not len(known):
            findings |= Findings(
                notes=[f"Edits of {attribute} are omitted: it is unknown for all test photos."]
            )
            continue
        pictures = test.take(known)
        wanted_ids = draw_other_values(pictures.attribute_ids[attribute], len(values), random)
        edited = edit_pictures(model, pictures, attribute, wanted_ids)
        plain = reconstruct(model, pictures)
        findings |= _score_change(attribute, pictures, edited, plain, extractor)
        if judge is not None:
            findings |= _score_judged(attribute, wanted_ids, pictures, edited, plain, judge, judge_name)
        if edited.shape[-1] == 3 and set(values) <= set(COLOURS):
            findings |= _score_colours(attribute, values, wanted_ids, pictures, edited)
    return findings


def edit_pictures(model, pictures: LabelledPictures, attribute: str, wanted_ids: np.ndarray) -> np.ndarray:
    """Changes one attribute of photos whose value of it is known.

    Args:
        model: A `ConditionalVAE`.
        pictures: Photos in the model's size.
        attribute: The attribute to change.
        wanted_ids: Target values, integer array `[N]`.

    Returns:
        uint8 array `[N, S, S, C]`.
    """
    edited = []
    for start in range(0, len(pictures), _BATCH_SIZE):
        part = slice(start, start + _BATCH_SIZE)
        own = {name: pictures.attribute_ids[name][part] for name in model.attributes}
        wanted = {**own, attribute: np.asarray(wanted_ids[part], "int32")}
        images = model.edit(pictures.raw_images[part], own, wanted)
        edited.append(pixels.from_model_range(images, model.pixel_range).numpy())
    return np.concatenate(edited)


def draw_other_values(value_ids: np.ndarray, num_values: int, random: np.random.Generator) -> np.ndarray:
    """Draws, for each value, a different one uniformly at random.

    Example:

    >>> draw_other_values(np.array([0, 1, 1]), 2, np.random.default_rng(0)).tolist()
    [1, 0, 0]
    """
    steps = random.integers(1, num_values, len(value_ids))
    return ((value_ids + steps) % num_values).astype("int32")


def background_change(raw_images: np.ndarray, edited_images: np.ndarray) -> np.ndarray:
    """Measures how much each edit changes the background, i.e. everything but the product.

    Args:
        raw_images: The photos, uint8 array `[N, S, S, 1 or 3]`, in which the product is located.
        edited_images: The edits, uint8 array of the same shape.

    Returns:
        float64 array `[N]`: mean absolute difference as a share of the grey range, each pixel weighted by its
        probability of being background.
    """
    changes = []
    rgb_images = pixels.match_channels(raw_images, 3).numpy()
    for rgb_image, raw_image, edited_image in zip(rgb_images, raw_images, edited_images, strict=True):
        background = 1.0 - find_foreground(to_oklab(to_linear(rgb_image)))
        difference = np.abs(raw_image.astype("float64") - edited_image).mean(axis=-1)
        changes.append((background * difference).sum() / np.maximum(background.sum(), 1e-6) / 255.0)
    return np.array(changes)


def _score_change(attribute, pictures, edited, plain, extractor) -> Findings:
    few = slice(0, MAX_SEGMENTED_IMAGES)
    changes, plain_changes = (
        background_change(pictures.raw_images[few], images[few]) for images in (edited, plain)
    )
    unit, measured_with = "share of the grey range", "foreground finder"
    scores = {
        f"{attribute}_edit_background_change": mean_score(changes, unit, measured_with).beside(
            mean_score(plain_changes, unit, measured_with), RECONSTRUCTIONS
        )
    }
    if extractor is not None:
        real = extractor.extract(pictures.raw_images)
        score, baseline = (
            mean_score(
                np.linalg.norm(extractor.extract(images) - real, axis=1),
                "feature units",
                f"features of {extractor.name}",
            )
            for images in (edited, plain)
        )
        scores[f"{attribute}_edit_feature_distance"] = score.beside(baseline, RECONSTRUCTIONS)
    return Findings(scores)


def _score_judged(attribute, wanted_ids, pictures, edited, plain, judge, judge_name) -> Findings:
    measured_with = f"judge {judge_name}"
    real, changed, unchanged = (
        judge_pictures(judge, images) for images in (pictures.raw_images, edited, plain)
    )
    hits = find_hits(changed, {attribute: wanted_ids})[attribute]
    real_hits = find_hits(real, {attribute: pictures.attribute_ids[attribute]})[attribute]
    doubt = find_doubt(attribute, real_hits, pictures.attribute_ids[attribute])
    scores = {
        f"{attribute}_edit_accuracy": mean_score(hits, "share", measured_with)
        .beside(mean_score(real_hits, "share", measured_with), REAL)
        .doubted(doubt)
    }
    others = [name for name in pictures.attribute_ids if name != attribute and name in real]
    if others:
        score, baseline = (
            mean_score(_share_kept(real, judged, others), "share", measured_with)
            for judged in (changed, unchanged)
        )
        scores[f"{attribute}_edit_others_kept"] = score.beside(baseline, RECONSTRUCTIONS)
    return Findings(scores)


def _share_kept(before, after, names) -> np.ndarray:
    """Returns, for each photo, the share of attributes whose judged value is unchanged."""
    return np.mean([before[name].argmax(axis=-1) == after[name].argmax(axis=-1) for name in names], axis=0)


def _score_colours(attribute, values, wanted_ids, pictures, edited) -> Findings:
    def agrees(images, ids):
        few = zip(images[:MAX_SEGMENTED_IMAGES], ids, strict=False)
        return np.array([float(judge_colour(image).best == values[value]) for image, value in few])

    score = mean_score(agrees(edited, wanted_ids), "share", COLOUR_RULE)
    real = mean_score(agrees(pictures.raw_images, pictures.attribute_ids[attribute]), "share", COLOUR_RULE)
    return Findings({f"{attribute}_edit_accuracy_by_colour_rule": score.beside(real, REAL)})
