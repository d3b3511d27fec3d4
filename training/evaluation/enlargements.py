"""Scores enlargements by the protocol of the super-resolution papers, with bicubic interpolation as baseline.

Photos are cropped to a multiple of the factor and converted to luma, rounded to 8 bits. The luma is shrunk by
antialiased bicubic interpolation, enlarged, rounded, and compared without a border as wide as the factor.
Grey photos are their own luma. RGB scores shrink and round the photos as RGB, as shops have them; so do the
luma scores of a model that was trained on RGB. `psnr_shrunk_again` compares what was enlarged with its
enlargement, shrunk again: a model that invents texture changes it.

Sources:
    [SRCNN] Dong et al. 2014, arXiv 1501.00092, section 4.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from training.evaluation.findings import Findings
from training.evaluation.measures.bootstrap import mean_score
from training.evaluation.measures.picture_errors import WINDOW_SIDE, mean_absolute_error, ssim
from training.evaluation.subject import Subject
from training.pages.picture_sheet import PictureSheet, middle
from training.runs.score import Score
from zoo.pictures import pixels
from zoo.pictures.photo import Photo
from zoo.pictures.photo_files import UnreadablePhotoError
from zoo.pictures.photo_writer import SUFFIXES
from zoo.pictures.psnr import MAX_PSNR, psnr
from zoo.pictures.resize import bicubic

BICUBIC = "bicubic"
MEASURES: dict[str, tuple[Callable, str]] = {
    "psnr": (psnr, "dB"),
    "ssim": (ssim, "at most 1"),
    "mae": (mean_absolute_error, "grey levels"),
}
SHRUNK_AGAIN = "psnr_shrunk_again"
NUM_SHOWN = 4
SHOWN_SIDE = 160
PICTURE_SUFFIXES = tuple(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)


@dataclasses.dataclass(frozen=True)
class ScoredPicture:
    """A photo enlarged by a model and by interpolation.

    Args:
        model: The model's scores by name.
        bicubic: The interpolation's scores by name.
        images: uint8 arrays, cropped to their centre: low-res, bicubic, the model's and the original.
    """

    model: Mapping[str, float]
    bicubic: Mapping[str, float]
    images: tuple[np.ndarray, ...]


def make_stages(subject: Subject) -> dict[str, Callable[[], Findings]]:
    """Returns the stage that scores enlargements of a folder's photos or the data set's test photos."""
    name = subject.config.model
    return {"enlargements": lambda: score_enlargements(subject.model, name, subject.whole_photos())}


class TooSmallError(ValueError):
    """A photo has nothing inside the border that is left out of scores."""


def score_enlargements(model, name: str, raw_images: Iterable[np.ndarray]) -> Findings:
    """Scores a model on photos, each shrunk and enlarged again.

    Args:
        model: A super-resolution model of the zoo.
        name: The model's name in the sheets.
        raw_images: uint8 arrays `[h, w, 1 or 3]` of any sizes.

    Returns:
        Scores on luma (`psnr`, `ssim`, `mae`) and, for RGB photos, on RGB (`psnr_rgb`, ...), each with the
        baseline of bicubic interpolation; `psnr_shrunk_again`; `psnr_median`; `psnr_gain`, the gain over it
        on luma, with an interval over the photos' gains; sheets of the best and worst enlargements by PSNR;
        notes on photos that were left out or have no error at all.

    Raises:
        TooSmallError: All photos are too small.
    """
    scored, num_small, reason = [], 0, None
    for image in raw_images:
        try:
            scored.append(score_picture(model, image))
        except TooSmallError as error:
            num_small, reason = num_small + 1, error
    if not scored and reason is not None:
        raise reason
    scores, notes = {}, []
    if num_small:
        notes.append(f"{num_small} photos are too small to be scored.")
    for key in [*(f"{measure}{suffix}" for suffix in ("", "_rgb") for measure in MEASURES), SHRUNK_AGAIN]:
        rows = [picture for picture in scored if key in picture.model]
        if not rows:
            continue
        measured_with = "RGB" if key.endswith("_rgb") else "luma of BT.601"
        unit = "dB" if key == SHRUNK_AGAIN else MEASURES[key.removesuffix("_rgb")][1]
        score, baseline = (
            mean_score([getattr(picture, of)[key] for picture in rows], unit, measured_with)
            for of in ("model", "bicubic")
        )
        scores[key] = score.beside(baseline, BICUBIC)
    of_luma = [(picture.model["psnr"], picture.bicubic["psnr"]) for picture in scored]
    with_error = [pair for pair in of_luma if max(pair) < MAX_PSNR - 0.01]  # float32
    if len(with_error) < len(of_luma):
        notes.append(
            f"{len(of_luma) - len(with_error)} photos, such as blank ones, are enlarged without any error: "
            "they lift PSNR's mean, and do not count in its gain and median."
        )
    counted = with_error or of_luma
    gains = [model_psnr - baseline for model_psnr, baseline in counted]
    scores["psnr_gain"] = mean_score(gains, "dB over bicubic", "luma of BT.601")
    score, baseline = (
        Score(float(np.median(values)), "dB", len(values), "luma of BT.601")
        for values in zip(*counted, strict=True)
    )
    scores["psnr_median"] = score.beside(baseline, BICUBIC)
    if scores["psnr"].num_samples != scores.get("ssim", scores["psnr"]).num_samples or "ssim" not in scores:
        notes.append(
            f"SSIM omits photos with a side of fewer than {WINDOW_SIDE} pixels, not counting the border."
        )
    return Findings(scores, _sheets(scored, name), notes)


def score_picture(model, raw_image: np.ndarray) -> ScoredPicture:
    """Scores a model and bicubic interpolation on a photo, uint8 `[h, w, 1 or 3]`."""
    factor = model.upscale_factor
    high_res = _cut_to_multiple(raw_image, factor)[None]
    luma = tf.round(pixels.to_luma(high_res))
    low_res_luma = shrink(luma, factor)
    height, width = luma.shape[1:3]
    scores = {
        "model": _measure(luma, _enlarge_luma(model, low_res_luma, high_res), factor),
        "bicubic": _measure(luma, pixels.round_to_uint8(bicubic(low_res_luma, height, width)), factor),
    }
    low_res = pixels.round_to_uint8(shrink(high_res, factor))
    enlarged = {
        "model": tf.convert_to_tensor(model.upscale(low_res)),
        "bicubic": pixels.round_to_uint8(bicubic(low_res, height, width)),
    }
    for of, images in enlarged.items():
        if high_res.shape[-1] == 3:
            scores[of] |= _measure(high_res, images, factor, "_rgb")
        again = pixels.round_to_uint8(shrink(images, factor))
        scores[of][SHRUNK_AGAIN] = float(psnr(pixels.to_luma(low_res), pixels.to_luma(again))[0])
    shown = (low_res, enlarged["bicubic"], enlarged["model"], high_res)
    sides = (SHOWN_SIDE // factor, SHOWN_SIDE, SHOWN_SIDE, SHOWN_SIDE)
    middles = tuple(middle(np.asarray(image)[0], side) for image, side in zip(shown, sides, strict=True))
    return ScoredPicture(scores["model"], scores["bicubic"], middles)


def _enlarge_luma(model, low_res_luma, high_res) -> tf.Tensor:
    if getattr(model, "colour_space", "luma") == "luma":
        return pixels.round_to_uint8(model(low_res_luma))
    # A model of colour gets the photo shrunk as RGB; luma is taken of its enlargement.
    low_res = pixels.round_to_uint8(shrink(high_res, model.upscale_factor))
    return pixels.round_to_uint8(pixels.to_luma(model.upscale(low_res)))


def shrink(images, factor: int) -> tf.Tensor:
    """Shrinks images `[N, h, w, C]` without rounding; h and w must be multiples of the factor."""
    height, width = (side // factor for side in images.shape[1:3])
    return bicubic(images, height, width)


def read_folder(folder: Path) -> dict[str, np.ndarray]:
    """Reads a folder's photos in the order of their names.

    Args:
        folder: A folder with photos of any kind; files with other endings are ignored. Profiles are
            converted to sRGB, transparent parts are laid on white, 16 bits are rounded to 8.

    Returns:
        uint8 arrays by file name: `[h, w, 1]` for grey photos, else `[h, w, 3]`.

    Raises:
        FileNotFoundError: The folder does not exist or has no photos.
        ValueError: A photo is damaged.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    if not paths:
        raise FileNotFoundError(
            f"A folder to score must contain photos ({', '.join(PICTURE_SUFFIXES)}). "
            f"Received: {folder}, which has none. Choose another folder."
        )
    found = {}
    for path in paths:
        try:
            photo = Photo.read(path.read_bytes())
        except (OSError, UnreadablePhotoError) as error:
            raise ValueError(
                f"A photo to score must be undamaged. Received: {path} ({error}). Replace or remove it."
            ) from error
        pixels = photo.on_white()
        found[path.name] = pixels[..., :1] if photo.is_grey else pixels
    return found


def _cut_to_multiple(raw_image: np.ndarray, factor: int) -> np.ndarray:
    height, width = (side - side % factor for side in raw_image.shape[:2])
    if min(height, width) <= 2 * factor:
        raise TooSmallError(
            f"A photo to score must be larger than the border of {factor} pixels on every side. "
            f"Received: shape={raw_image.shape}. Choose larger photos."
        )
    return raw_image[:height, :width]


def _measure(images, others, border: int, suffix: str = "") -> dict[str, float]:
    inside = (slice(None), slice(border, -border), slice(border, -border))
    images, others = images[inside], others[inside]
    is_large = min(images.shape[1:3]) >= WINDOW_SIDE
    return {
        f"{name}{suffix}": float(measure(images, others)[0])
        for name, (measure, _) in MEASURES.items()
        if name != "ssim" or is_large
    }


def _sheets(scored: list[ScoredPicture], name: str) -> dict[str, PictureSheet]:
    order = sorted(range(len(scored)), key=lambda row: -scored[row].model["psnr"])
    count = min(NUM_SHOWN, len(order))
    sheets = {}
    for caption, chosen in (("Best by PSNR", order[:count]), ("Worst by PSNR", order[::-1][:count])):
        pictures = [scored[row] for row in chosen]
        sheets[caption] = PictureSheet(
            rows=[list(picture.images) for picture in pictures],
            column_labels=["low-res", BICUBIC, name, "original"],
            captions=[
                ["", f"{picture.bicubic['psnr']:.2f} dB", f"{picture.model['psnr']:.2f} dB", ""]
                for picture in pictures
            ],
        )
    return sheets
