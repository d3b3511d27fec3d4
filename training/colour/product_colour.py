"""Detects a product's colour in a photo, ignoring the background."""

import dataclasses

import numpy as np
from PIL import Image

from training.colour.colour_names import certainty_of, name_colour, name_neutral, neutral_chroma
from training.colour.foreground import find_foreground
from training.colour.oklab import to_linear, to_oklab

# Four in five of the photos labelled by eye (tests/benchmarks/product_colour.py) exceed this confidence.
CONFIDENCE_THRESHOLD = 0.75

# A mask's opacity says nothing about its doubts; chosen on the benchmark's development photos.
MASK_CLARITY = 0.6

_SIDE = 64
_HUE_REACH_DEGREES = 32.0
_MIN_HUE_SHARE = 0.38


@dataclasses.dataclass(frozen=True)
class ColourJudgement:
    """The detected colour of a product.

    Args:
        colour: One of the eleven basic colour terms, or `""` if the confidence is below
            `CONFIDENCE_THRESHOLD`.
        confidence: Estimated probability that the best term is correct, range [0, 1].
        best: The most probable term, whatever its confidence.
    """

    colour: str
    confidence: float
    best: str


def judge_colour(raw_image: np.ndarray) -> ColourJudgement:
    """Detects the colour of the product in a photo.

    Args:
        raw_image: uint8 array `[h, w, 3]`, sRGB, range [0, 255], any h and w from 1; or `[h, w, 4]` with the
            product's opacity, which is otherwise guessed from colours and positions.

    Returns:
        The judgement, which is deterministic.

    Raises:
        ValueError: If `raw_image` has another shape or dtype.

    Example:

    >>> photo = np.full((64, 64, 3), 250, "uint8")
    >>> photo[12:52, 16:48] = (200, 30, 40)
    >>> judge_colour(photo).colour
    'red'
    """
    is_picture = raw_image.ndim == 3 and raw_image.shape[-1] in (3, 4) and raw_image.size
    if not is_picture or raw_image.dtype != np.uint8:
        raise ValueError(
            "`raw_image` must be a uint8 array of shape [h, w, 3 or 4], because colours are detected in "
            f"sRGB. Received: shape={raw_image.shape}, dtype={raw_image.dtype}. "
            "Convert it with Pillow: image.convert('RGB')."
        )
    small = _reduce(raw_image)
    lab = to_oklab(to_linear(small[..., :3]))
    foreground = small[..., 3] / np.float32(255) if small.shape[-1] == 4 else find_foreground(lab)
    best, certainty, share = _vote(lab.reshape(-1, 3), foreground.ravel())
    clarity = MASK_CLARITY if small.shape[-1] == 4 else float(np.abs(2 * foreground - 1).mean())
    confidence = round(_calibrate(certainty, share, clarity), 3)
    return ColourJudgement(best if confidence >= CONFIDENCE_THRESHOLD else "", confidence, best)


def _reduce(raw_image: np.ndarray) -> np.ndarray:
    height, width = raw_image.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = Image.fromarray(raw_image)
    if picture.mode == "RGBA":  # weighted by opacity, so that no ground comes forth at the edges
        return np.asarray(picture.convert("RGBa").resize(size, Image.Resampling.BOX).convert("RGBA"))
    return np.asarray(picture.resize(size, Image.Resampling.BOX))


def _vote(pixels: np.ndarray, weights: np.ndarray) -> tuple[str, float, float]:
    """Returns the colour's name, its certainty and its share of the product."""
    weights = np.where(weights > 0.5, weights, 0.02 * weights) + 1e-6
    weights = weights / weights.sum()
    lightness = pixels[:, 0]
    chroma = np.hypot(pixels[:, 1], pixels[:, 2])
    hue = np.degrees(np.arctan2(pixels[:, 2], pixels[:, 1])) % 360
    has_hue = chroma > neutral_chroma(lightness, hue)
    share = float(weights[has_hue].sum())
    if share < _MIN_HUE_SHARE:
        return _vote_neutral(lightness, chroma, weights * ~has_hue, 1 - share)
    return _vote_hue(lightness, chroma, hue, weights * has_hue, share)


def _vote_neutral(lightness, chroma, weights, share):
    light = _quantile(lightness, weights, 0.5)
    low, high = (_quantile(lightness, weights, q) for q in (0.10, 0.95))
    name = name_neutral(light)
    # Black and white parts of a pattern mix to grey: the extremes then decide.
    if name != "black" and low < 0.36 and high - low > 0.35:
        name = "black"
    elif name == "grey" and light > 0.68 and low < 0.58 and high > 0.935:
        name = "white"
    spread = weights[np.abs(lightness - light) < 0.16].sum() / weights.sum()
    strength = float((chroma * weights).sum() / weights.sum())
    # A pattern's name does not follow from a single lightness.
    certainty = certainty_of(name, light, strength, 80.0) if name == name_neutral(light) else 0.8
    return name, certainty, float(share * (0.8 + 0.2 * spread))


def _vote_hue(lightness, chroma, hue, weights, share):
    angles = np.radians(hue)
    votes = weights * chroma
    bins = np.bincount((hue // 10).astype(int) % 36, votes, minlength=36)
    around = sum((np.roll(bins, shift) for shift in (-2, -1, 0, 1, 2)), start=np.zeros(len(bins)))
    peak = around.argmax() * 10 + 5
    near = np.abs((hue - peak + 180) % 360 - 180) < _HUE_REACH_DEGREES
    votes, kept = votes * near, weights * near
    # Highlights and a pattern's light parts are the same dye mixed with white: its strongest pixels decide.
    strong = votes * (chroma >= _quantile(chroma, kept, 0.55))
    strong /= strong.sum()
    angle = np.arctan2(strong @ np.sin(angles), strong @ np.cos(angles))
    colour = float(strong @ lightness), float(strong @ chroma), float(np.degrees(angle) % 360)
    name = name_colour(*colour)
    return name, certainty_of(name, *colour), float(kept.sum() / weights.sum() * (0.8 + 0.2 * share))


def _quantile(values: np.ndarray, weights: np.ndarray, quantile: float) -> float:
    order = values.argsort()
    cumulated = weights[order].cumsum()
    return float(values[order][min(len(values) - 1, cumulated.searchsorted(quantile * cumulated[-1]))])


def _calibrate(certainty: float, share: float, clarity: float) -> float:
    """Turns the evidence into a probability, by logistic regression on the benchmark's development photos."""
    return float(1 / (1 + np.exp(4.4 - 3.0 * certainty - 2.9 * share - 0.8 * clarity)))
