"""Scores the masks that a model finds, beside those of a rule of colour and position.

The scores (`training/evaluation/measures/mask_scores.py`) have no part in any training.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from training.colour.foreground import find_foreground
from training.colour.oklab import to_linear, to_oklab
from training.data.data_sets import MASK
from training.evaluation.findings import Findings
from training.evaluation.measures.bootstrap import mean_score
from training.evaluation.measures.mask_scores import MEASURES, iou
from training.evaluation.subject import Subject
from training.pages.masked_photo import on_white
from training.pages.picture_sheet import PictureSheet
from training.runs.score import Score
from zoo.errors import WrongUsageError

BASELINE = "colour and position"
# The rule is one of colours, which need few pixels.
RULE_SIDE = 128
NUM_SHOWN, SHOWN_SIDE = 6, 200


def make_stages(subject: Subject) -> dict[str, Callable[[], Findings]]:
    """Returns the stage that scores masks of a folder's photos or of the data set's test photos."""
    return {"masks": lambda: score_masks(subject.model, masked_photos(subject))}


def masked_photos(subject: Subject) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields photos, uint8 `[h, w, 3]`, with their masks, uint8 `[h, w]`."""
    if subject.photos is not None and subject.masks is not None:
        for name, mask in subject.masks.items():
            photo = subject.photos[name]
            yield (photo if photo.shape[-1] == 3 else photo.repeat(3, axis=-1)), mask
        return
    for element in subject.scored_data_set.read("test").take(subject.num_samples).as_numpy_iterator():
        yield element["image"], element[MASK][..., 0]


def score_masks(model, photos: Iterable[tuple[np.ndarray, np.ndarray]]) -> Findings:
    """Scores a model's masks.

    Args:
        model: Has `find_masks`.
        photos: Photos, uint8 `[h, w, 3]`, with their masks, uint8 `[h, w]`.

    Returns:
        The mean of each measure with the rule's as baseline, and a sheet of the first photos.
    """
    found_scores: dict[str, list[float]] = {name: [] for name in MEASURES}
    rule_scores: dict[str, list[float]] = {name: [] for name in MEASURES}
    shown: list[tuple[np.ndarray, ...]] = []
    for photo, truth in photos:
        opacity = np.asarray(model.find_masks(photo[np.newaxis]))[0, ..., 0]
        found = np.round(255.0 * opacity).astype("uint8")
        by_rule = mask_by_rule(photo)
        for name, (measure, _) in MEASURES.items():
            found_scores[name].append(measure(found, truth))
            rule_scores[name].append(measure(by_rule, truth))
        if len(shown) < NUM_SHOWN:
            shown.append((photo, truth, found, by_rule))
    scores = {
        name: _score(found_scores[name], unit).beside(_score(rule_scores[name], unit), BASELINE)
        for name, (_, unit) in MEASURES.items()
    }
    return Findings(scores, {"Cut out, the first photos": _sheet(shown)})


def mask_by_rule(photo: np.ndarray) -> np.ndarray:
    """Returns the mask that colour and position alone suggest, uint8 `[h, w]`, for uint8 `[h, w, 3]`."""
    picture = Image.fromarray(photo)
    small = picture.copy()
    small.thumbnail((RULE_SIDE, RULE_SIDE), Image.Resampling.BOX)
    probabilities = find_foreground(to_oklab(to_linear(np.asarray(small))))
    mask = Image.fromarray(np.round(255.0 * probabilities).astype("uint8"))
    return np.asarray(mask.resize(picture.size, Image.Resampling.BILINEAR))


def read_masks(folder: Path, photos: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Reads the masks of a folder's photos.

    Args:
        folder: Folder with a PNG file for each photo to score, of the same name and size.
        photos: Photos by file name, arrays `[h, w, ...]`.

    Returns:
        uint8 arrays `[h, w]` by the photo's file name; photos without a mask are left out.

    Raises:
        FileNotFoundError: No photo has a mask.
        WrongUsageError: A mask has another size than its photo.
    """
    masks = {}
    for name, photo in photos.items():
        path = folder / f"{Path(name).stem}.png"
        if not path.is_file():
            continue
        mask = np.asarray(Image.open(path).convert("L"))
        if mask.shape != photo.shape[:2]:
            raise WrongUsageError(
                f"A mask must have its photo's size. Received: {path} of {mask.shape[1]} x {mask.shape[0]} "
                f"pixels for {name} of {photo.shape[1]} x {photo.shape[0]}. Draw it on the photo itself."
            )
        masks[name] = mask
    if not masks:
        example = f"{Path(next(iter(photos))).stem}.png"
        raise FileNotFoundError(
            f"A folder of masks must contain PNG files with the photos' names, such as {example}. "
            f"Received: {folder}, which has none of them. Choose another folder."
        )
    return masks


def _score(values: list[float], unit: str) -> Score:
    return mean_score(values, unit, "masks drawn by hand")


def _sheet(shown) -> PictureSheet:
    rows, captions = [], []
    for photo, truth, found, by_rule in shown:
        masks = (np.full_like(truth, 255), truth, found, by_rule)
        rows.append([_small(on_white(photo, mask[..., np.newaxis] / 255.0)) for mask in masks])
        captions.append(["", "", f"IoU {iou(found, truth):.3f}", f"IoU {iou(by_rule, truth):.3f}"])
    return PictureSheet(
        rows=rows, column_labels=["photo", "drawn by hand", "model", BASELINE], captions=captions
    )


def _small(image: np.ndarray) -> np.ndarray:
    """Fits a picture into a square on grey, because a sheet's pictures have one size."""
    picture = Image.fromarray(image)
    picture.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (SHOWN_SIDE, SHOWN_SIDE), (128, 128, 128))
    square.paste(picture, ((SHOWN_SIDE - picture.width) // 2, (SHOWN_SIDE - picture.height) // 2))
    return np.asarray(square)
