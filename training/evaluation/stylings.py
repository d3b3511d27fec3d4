"""Scores photos in other styles: how much of the style is there, and how much of the photo is left."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from training.evaluation.findings import Findings
from training.evaluation.measures.bootstrap import mean_score
from training.evaluation.measures.picture_errors import ssim
from training.evaluation.measures.sliced_distance import sliced_distance
from training.evaluation.subject import Subject
from training.pages.picture_sheet import PictureSheet, middle
from training.runs.score import Score
from training.style.colour_transfer import transfer_colours
from training.style.style_pictures import read_styles
from zoo.pictures import pixels

COLOURS = "colours alone"
EFFECT_BY = "sliced Wasserstein distance of patches at three scales"
CONTENT_BY = "luma of BT.601"
# Photos are scored in this part of their middle, which bounds the time.
SCORED_SIDE = 512
SMALLEST_SIDE = 64
NUM_SHOWN, SHOWN_SIDE = 4, 160


def make_stages(subject: Subject) -> dict[str, Callable[[], Findings]]:
    """Returns the stage that stylises a folder's photos or the data set's test photos."""

    def score():
        styles = read_styles(subject.source.config.model_options["styles"])
        return score_stylings(subject.model, subject.whole_photos(), styles)

    return {"stylings": score}


def score_stylings(model, raw_images: Iterable[np.ndarray], styles: Mapping[str, np.ndarray]) -> Findings:
    """Stylises photos at full strength and scores the results.

    Args:
        model: A `zoo.style.style_transfer.StyleTransfer`.
        raw_images: uint8 arrays `[h, w, 1 or 3]`; those with a side below 64 pixels are left out.
        styles: The style pictures by name.

    Returns:
        For each style, `style_effect_NAME` and `content_ssim_NAME` (see `find_effect` and `find_content`)
        beside the transfer of colours alone, and their means over styles; a sheet of the first photos.
    """
    images = [
        _in_colour(middle(np.asarray(image), SCORED_SIDE))
        for image in raw_images
        if min(image.shape[:2]) >= SMALLEST_SIDE
    ]
    found: dict[str, list[list[tuple[float, float]]]] = {}
    sheet_rows = [[middle(image, SHOWN_SIDE)] for image in images[:NUM_SHOWN]]
    for number, (name, example) in enumerate(styles.items()):
        mixture = np.eye(len(model.styles), dtype="float32")[[number]]
        for row, image in enumerate(images):
            drawn = np.asarray(model.stylise(image[np.newaxis], mixture, np.ones([1], "float32")))[0]
            recoloured = transfer_colours(image, example)
            before = sliced_distance(image, example)
            of_both = [
                (1.0 - sliced_distance(picture, example) / before, find_content(image, picture))
                for picture in (drawn, recoloured)
            ]
            found.setdefault(name, []).append(of_both)
            if row < NUM_SHOWN:
                sheet_rows[row].append(middle(drawn, SHOWN_SIDE))
    scores: dict[str, Score] = {}
    everything = [of_both for rows in found.values() for of_both in rows]
    for ending, rows in [("", everything), *((f"_{name}", rows) for name, rows in found.items())]:
        for index, (measure, unit, by) in enumerate(
            (("style_effect", "share of the way", EFFECT_BY), ("content_ssim", "at most 1", CONTENT_BY))
        ):
            score, baseline = (mean_score([row[of][index] for row in rows], unit, by) for of in (0, 1))
            scores[f"{measure}{ending}"] = score.beside(baseline, COLOURS)
    sheet = PictureSheet(rows=sheet_rows, column_labels=["photo", *styles])
    return Findings(scores, {"The first photos": sheet})


def find_effect(raw_image: np.ndarray, drawn: np.ndarray, example: np.ndarray) -> float:
    """Returns how much of the way from a photo to a style picture a drawing has gone.

    Args:
        raw_image: The photo, uint8 `[h, w, 3]`.
        drawn: What became of it, of the same shape.
        example: The style picture, of any size.

    Returns:
        1 less the drawing's distance to the style picture in shares of the photo's; 0 for the photo itself.
    """
    return 1.0 - sliced_distance(drawn, example) / sliced_distance(raw_image, example)


def find_content(raw_image: np.ndarray, drawn: np.ndarray) -> float:
    """Returns the SSIM of a photo and what became of it, uint8 `[h, w, 3]` both, on luma."""
    luma = [pixels.to_luma(image[np.newaxis]) for image in (raw_image, drawn)]
    return float(ssim(*luma)[0])


def _in_colour(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image)
