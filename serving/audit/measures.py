"""What an audit measures of a photo: its file, its frame, and, with the product's mask, its ground.

Sources:
    [Blur] Crete et al. 2007, "The Blur Effect": what is sharp loses more by another blur than what is not.
    [libjpeg] `jpeg_quality_scaling`: the quantisation table of a quality.
"""

import dataclasses
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from training.data.catalog.near_duplicates import look_of
from zoo.pictures.colour_profiles import usable_profile
from zoo.pictures.photo import Photo
from zoo.pictures.photo_writer import SUFFIXES

# Levels from which a ground counts as white: JPEG's ripples are a few levels deep. And as light.
WHITE_LEVEL, LIGHT_LEVEL = 250, 200
# Pixels of the mask that count as product, and as ground.
PRODUCT, GROUND = 0.5, 0.02
# The ground begins this share of the longer side away from the product: shadows and soft edges lie between.
_MARGIN = 0.01
# A product within this share of the longer side of a border is cut off there, if so much of it is.
_BORDER, _CUT_SHARE = 0.004, 0.02
# Widest line along all borders that counts as a frame, as a share of the shorter side.
_WIDEST_FRAME = 0.03
# Levels by which what is inside a frame differs from it, and shares of a line that differ.
_STEP, _FEW, _MOST = 12.0, 0.1, 0.8
# Longer side in pixels of what a product is looked for in.
_MASK_SIDE = 512
# Side in pixels of what is measured for sharpness, and the standard deviation of the blur.
_SHARP_SIDE = 1024
# Sum of the standard table for luma, which is that of quality 50.
_STANDARD_LUMA_SUM = 3688
_ORIENTATION_TAG = 0x0112

FindMask = Callable[[np.ndarray], tuple[np.ndarray, float | None]]


@dataclasses.dataclass(frozen=True)
class Measured:
    """A measure.

    Args:
        title: What it is, for readers.
        unit: Its unit, or an empty string.
        needs_mask: Whether it needs the product's mask.
        remedy: What mends a photo that does not keep a rule about it.
    """

    title: str
    unit: str = ""
    needs_mask: bool = False
    remedy: str = ""


_ENLARGE = "zoo upscale"
_CUT_OUT = "zoo cutout --background white"
MEASURES: dict[str, Measured] = {
    "format": Measured("format, by content", remedy="zoo cutout --format jpeg"),
    "has_own_ending": Measured("the name ends as the format does", remedy="rename the file"),
    "megabytes": Measured("size of the file", "MB", remedy="save it with a lower quality"),
    "width": Measured("width", "px", remedy=_ENLARGE),
    "height": Measured("height", "px", remedy=_ENLARGE),
    "longest_side": Measured("longest side", "px", remedy=_ENLARGE),
    "shortest_side": Measured("shortest side", "px", remedy=_ENLARGE),
    "width_and_height": Measured("width and height together", "px", remedy="save it smaller"),
    "megapixels": Measured("megapixels", remedy="save it smaller"),
    "ratio": Measured("width by height", remedy="zoo cutout --background white --size"),
    "colours": Measured("colour mode", remedy="save it as RGB"),
    "bits": Measured("bits a channel", remedy="save it with 8 bits"),
    "dpi": Measured("resolution", "dpi", remedy="state it when saving"),
    "profile": Measured("colour profile", remedy="convert it to sRGB: zoo cutout --strip"),
    "is_turned": Measured("shown upright by a note in the file alone", remedy="turn the pixels"),
    "jpeg_quality": Measured("quality of JPEG", remedy="zoo clean, then save it with a higher quality"),
    "sharpness": Measured("sharpness", "at most 1", remedy="take it again"),
    "has_frame": Measured("a line along its borders", remedy="cut it off"),
    "white_ground": Measured("share of the ground that is white", needs_mask=True, remedy=_CUT_OUT),
    "light_ground": Measured("share of the ground that is light", needs_mask=True, remedy=_CUT_OUT),
    "fill": Measured(
        "how much of the frame's longer side the product takes", needs_mask=True, remedy=f"{_CUT_OUT} --fill"
    ),
    "off_centre": Measured(
        "how far the product is from the middle, as a share of the side", needs_mask=True, remedy=_CUT_OUT
    ),
    "is_cut_off": Measured("the product is cut off by a border", needs_mask=True, remedy="take it again"),
}
# What places ask for as well, and nothing here finds.
NOT_CHECKED = (
    "text, logos and watermarks",
    "props beside the product",
)


def measure_photo(content: bytes, path: Path, find_mask: FindMask | None = None) -> dict[str, Any]:
    """Measures a photo.

    Args:
        content: The file's bytes.
        path: Its name.
        find_mask: Returns a product's mask, float array `[h, w]` in [0, 1], and how sure it is, or None, of a
            photo, uint8 `[h, w, 3]`; None leaves out what needs a mask.

    Returns:
        Values by measure: numbers, words and truth values. Those that a photo does not have, such as the
        quality of a PNG, are left out. Besides, `look` is what near-duplicates are told by, and with a mask
        `product` is the reduced photo with the mask as its opacity, uint8 `[h, w, 4]`, and `confidence` tells
        how sure the mask is.

    Raises:
        UnreadablePhotoError: It is no photo, too large, truncated or damaged.
    """
    photo = Photo.read(content)
    width, height = photo.size
    values: dict[str, Any] = {
        "format": photo.file_format,
        "has_own_ending": path.suffix.lower() in SUFFIXES.get(photo.file_format, (f".{photo.file_format}",)),
        "megabytes": len(content) / 1e6,
        "width": width,
        "height": height,
        "longest_side": max(width, height),
        "shortest_side": min(width, height),
        "width_and_height": width + height,
        "megapixels": width * height / 1e6,
        "ratio": width / height,
        "colours": {1: "grey", 3: "rgb", 4: "cmyk"}[photo.pixels.shape[-1]],
        "bits": 16 if photo.is_deep else 8,
        "profile": _name_profile(photo),
        **_measure_header(content),
    }
    colours = photo.on_white()
    values["look"] = look_of(Image.fromarray(colours))
    luma = colours @ np.array([0.299, 0.587, 0.114], "float32")
    values["sharpness"] = measure_sharpness(luma)
    values["has_frame"] = has_frame(colours)
    if find_mask is not None:
        picture = Image.fromarray(colours)
        picture.thumbnail((_MASK_SIDE, _MASK_SIDE), Image.Resampling.BOX)
        opacity, confidence = find_mask(np.asarray(picture))
        values |= measure_ground(np.asarray(picture), opacity)
        if "fill" in values:
            alpha = np.round(255.0 * opacity).astype("uint8")
            values["product"] = np.dstack([np.asarray(picture), alpha])
        if confidence is not None:
            values["confidence"] = confidence
    return values


def measure_sharpness(luma: np.ndarray) -> float:
    """Returns how much of its steepest steps a picture loses by a blur: near 0 for blurred ones [Blur].

    Departs from [Blur]: of the steepest hundredth of the steps alone, because products and grounds may be
    smooth; and noise is calmed first, which would count as detail.

    Args:
        luma: Float array `[h, w]` on the scale [0, 255].
    """
    step = max(1, max(luma.shape) // _SHARP_SIDE)
    calm = ndimage.median_filter(luma[::step, ::step].astype("float32"), 3)
    losses = []
    for axis in (0, 1):
        if calm.shape[axis] < 12:
            continue
        blurred = ndimage.uniform_filter1d(calm, 9, axis=axis)
        before, after = (np.abs(np.diff(image, axis=axis)) for image in (calm, blurred))
        steep = before >= np.quantile(before, 0.99)
        total = before[steep].sum()
        losses.append(float((before[steep] - after[steep]).clip(0).sum() / total) if total > 0 else 0.0)
    return max(losses, default=0.0)


def has_frame(raw_image: np.ndarray) -> bool:
    """Returns whether an even line of one colour, unlike what lies inside it, runs along all four borders.

    Args:
        raw_image: uint8 array `[h, w, 3]`.
    """
    widest = int(_WIDEST_FRAME * min(raw_image.shape[:2]))
    if widest < 1:
        return False
    for side in range(4):
        lines = np.rot90(raw_image, side)[: widest + 3, widest:-widest].astype("float32")
        # Each side has its own: JPEG gives a thin line the colours beside it.
        colour = np.median(lines[0], axis=0)
        others = (np.abs(lines - colour).max(axis=-1) > _STEP).mean(axis=1)
        inside = np.flatnonzero(others > _FEW)
        # A product on an even ground begins little by little, and what is inside a frame all at once: with
        # the next line but one, because lines may be blurred.
        if len(inside) == 0 or inside[0] == 0 or others[inside[0] : inside[0] + 3].max() < _MOST:
            return False
    return True


def measure_ground(raw_image: np.ndarray, opacity: np.ndarray) -> dict[str, Any]:
    """Measures how a product lies on its ground.

    Args:
        raw_image: uint8 array `[h, w, 3]`.
        opacity: The product's mask, float array `[h, w]` in [0, 1].

    Returns:
        `white_ground`, `light_ground`, `fill`, `off_centre` and `is_cut_off`; none if there is no product,
        and no grounds where the product leaves none.
    """
    longer = max(opacity.shape)
    inside = opacity >= PRODUCT
    if not inside.any():
        return {}
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    border = max(1, round(_BORDER * longer))
    edges = (inside[:border], inside[-border:], inside[:, :border].T, inside[:, -border:].T)
    values: dict[str, Any] = {
        "fill": max(height / opacity.shape[0], width / opacity.shape[1]),
        "off_centre": max(
            abs(rows[0] + rows[-1] + 1 - opacity.shape[0]) / (2 * opacity.shape[0]),
            abs(columns[0] + columns[-1] + 1 - opacity.shape[1]) / (2 * opacity.shape[1]),
        ),
        "is_cut_off": any(edge.any(axis=0).mean() > _CUT_SHARE for edge in edges),
    }
    margin = max(1, round(_MARGIN * longer))
    ground = ndimage.maximum_filter(opacity, 2 * margin + 1) <= GROUND
    if ground.any():
        darkest = raw_image.min(axis=-1)[ground]
        values["white_ground"] = float((darkest >= WHITE_LEVEL).mean())
        values["light_ground"] = float((darkest >= LIGHT_LEVEL).mean())
    return values


def _measure_header(content: bytes) -> dict[str, Any]:
    values: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(content)) as picture:
            values["is_turned"] = picture.getexif().get(_ORIENTATION_TAG, 1) not in (0, 1)
            dpi = picture.info.get("dpi")
            if dpi and float(dpi[0]) > 1:
                values["dpi"] = round(float(dpi[0]))
            tables = getattr(picture, "quantization", None)
            if tables and 0 in tables:
                values["jpeg_quality"] = _quality_of(sum(tables[0]))
    return values


def _name_profile(photo: Photo) -> str:
    """Returns `none`, `srgb` for a profile that changes nothing visible, or `other`."""
    if photo.profile is None:
        return "none"
    return "srgb" if usable_profile(photo.profile, photo.pixels.shape[-1]) is None else "other"


def _quality_of(total: int) -> int:
    """Returns the quality whose luma table has about this sum ([libjpeg])."""
    scale = 100.0 * total / _STANDARD_LUMA_SUM
    quality = (200.0 - scale) / 2.0 if scale <= 100 else 5000.0 / scale
    return int(np.clip(round(quality), 1, 100))
