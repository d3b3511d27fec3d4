"""Scores the cleaning of photos that are damaged here, with the damaged photos as baseline.

Each photo is compressed as JPEG by Pillow, once at each of some qualities, and twice with a shifted grid. It
should have no damage of its own. What the model does to the undamaged photo is scored too.
"""

import dataclasses
import io
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from PIL import Image

from training.evaluation.findings import Findings
from training.evaluation.measures.block_effect import psnr_b
from training.evaluation.measures.bootstrap import mean_score
from training.evaluation.measures.picture_errors import WINDOW_SIDE, ssim
from training.evaluation.subject import Subject
from training.pages.picture_sheet import PictureSheet, middle
from training.runs.score import Score
from zoo.pictures import pixels
from zoo.pictures.psnr import psnr

JPEG = "the JPEG"
MEASURED_WITH = "luma of BT.601"
# Offset of the second compression's grid from the first's, in pixels.
SHIFT = 4
# Above this PSNR nobody sees a difference: damage to undamaged photos counts from here.
INVISIBLE = 50.0
NUM_SHOWN = 4
SHOWN_SIDE = 160
_SHOWN_QUALITY = 20


@dataclasses.dataclass(frozen=True)
class ScoredCleaning:
    """A photo cleaned after one kind of damage.

    Args:
        cleaned: The cleaned photo's scores by measure.
        damaged: The damaged photo's scores by measure.
        images: uint8 arrays, cropped to their centre: damaged, cleaned and original.
    """

    cleaned: Mapping[str, float]
    damaged: Mapping[str, float]
    images: tuple[np.ndarray, ...]


def make_stages(subject: Subject) -> dict[str, Callable[[], Findings]]:
    """Returns the stage that cleans a folder's photos or the data set's test photos."""
    return {"cleanings": lambda: score_cleanings(subject.model, subject.whole_photos(), subject.qualities)}


def score_cleanings(model, raw_images: Iterable[np.ndarray], qualities: Sequence[int]) -> Findings:
    """Damages photos, cleans them and scores the results.

    Args:
        model: A `zoo.cleaning.cleaner.Cleaner`.
        raw_images: uint8 arrays `[h, w, 1 or 3]` of any sizes.
        qualities: The qualities of JPEG, from 1 to 100.

    Returns:
        For each quality, compressed once (`q20`) and twice (`twice_q20`), PSNR, SSIM and PSNR-B on luma, each
        beside the JPEG's, and the gain in PSNR with an interval over the photos; `harm`, by how much the PSNR
        of cleaned undamaged photos is below 50 dB; sheets of the largest and smallest gains.
    """
    images = [np.asarray(image) for image in raw_images]
    scores: dict[str, Score] = {}
    shown: list[ScoredCleaning] = []
    for quality in qualities:
        for prefix, damage in (("", compress), ("twice_", compress_twice)):
            rows = [score_cleaning(model, image, damage(image, quality)) for image in images]
            name = f"{prefix}q{quality}"
            scores |= _summarise(rows, name)
            if not prefix and (quality == _SHOWN_QUALITY or not shown):
                shown = rows
    harms = [_find_harm(model, image) for image in images]
    unit = f"dB below {INVISIBLE:g} dB"
    scores["harm"] = mean_score(harms, unit, MEASURED_WITH)
    return Findings(scores, _sheets(shown))


def compress(raw_image: np.ndarray, quality: int) -> np.ndarray:
    """Returns a photo, uint8 `[h, w, 1 or 3]`, after JPEG compression with halved colour."""
    picture = Image.fromarray(raw_image[..., 0] if raw_image.shape[-1] == 1 else raw_image)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(buffer) as compressed:
        return np.asarray(compressed).reshape(raw_image.shape)


def compress_twice(raw_image: np.ndarray, quality: int) -> np.ndarray:
    """Returns a photo after two compressions, the first with a grid shifted by `SHIFT` pixels."""
    shifted = np.pad(raw_image, ((SHIFT, 0), (SHIFT, 0), (0, 0)), mode="edge")
    return compress(np.ascontiguousarray(compress(shifted, quality)[SHIFT:, SHIFT:]), quality)


def score_cleaning(model, raw_image: np.ndarray, damaged: np.ndarray) -> ScoredCleaning:
    """Scores the cleaning of a damaged photo, uint8 `[h, w, 1 or 3]`, which it estimates itself."""
    cleaned = np.asarray(model.clean(damaged[np.newaxis]))[0]
    images = (damaged, cleaned, raw_image)
    return ScoredCleaning(
        _measure(raw_image, cleaned),
        _measure(raw_image, damaged),
        tuple(middle(image, SHOWN_SIDE) for image in images),
    )


def _measure(raw_image: np.ndarray, other: np.ndarray) -> dict[str, float]:
    luma, other_luma = (
        np.asarray(pixels.round_to_uint8(pixels.to_luma(image[np.newaxis]))) for image in (raw_image, other)
    )
    found = {
        "psnr": float(psnr(luma, other_luma)[0]),
        "psnr_b": psnr_b(luma[0, ..., 0], other_luma[0, ..., 0]),
    }
    if min(luma.shape[1:3]) >= WINDOW_SIDE:
        found["ssim"] = float(ssim(luma, other_luma)[0])
    return found


def _summarise(rows: Sequence[ScoredCleaning], name: str) -> dict[str, Score]:
    scores = {}
    for measure, unit in (("psnr", "dB"), ("psnr_b", "dB"), ("ssim", "at most 1")):
        kept = [row for row in rows if measure in row.cleaned]
        if kept:
            score, baseline = (
                mean_score([getattr(row, of)[measure] for row in kept], unit, MEASURED_WITH)
                for of in ("cleaned", "damaged")
            )
            scores[f"{measure}_{name}"] = score.beside(baseline, JPEG)
    gains = [row.cleaned["psnr"] - row.damaged["psnr"] for row in rows]
    scores[f"gain_{name}"] = mean_score(gains, f"dB over {JPEG}", MEASURED_WITH)
    return scores


def _find_harm(model, raw_image: np.ndarray) -> float:
    cleaned = np.asarray(model.clean(raw_image[np.newaxis]))[0]
    return max(0.0, INVISIBLE - _measure(raw_image, cleaned)["psnr"])


def _sheets(rows: Sequence[ScoredCleaning]) -> dict[str, PictureSheet]:
    ordered = sorted(rows, key=lambda row: row.damaged["psnr"] - row.cleaned["psnr"])
    count = min(NUM_SHOWN, len(ordered))
    return {
        caption: PictureSheet(
            rows=[list(row.images) for row in chosen],
            column_labels=["damaged", "cleaned", "original"],
            captions=[
                [f"{row.damaged['psnr']:.2f} dB", f"{row.cleaned['psnr']:.2f} dB", ""] for row in chosen
            ],
        )
        for caption, chosen in (("Largest gains", ordered[:count]), ("Smallest gains", ordered[::-1][:count]))
    }
