"""Decodes an opened photo file into pixels and opacity: any mode and depth, upright."""

import contextlib
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from zoo.pictures import deep_pixels
from zoo.pictures.metadata import Metadata, read_metadata
from zoo.pictures.photo_files import UnreadablePhotoError

_GREY_MODES = ("1", "L", "LA", "La")
# Value of TIFF's tag ExtraSamples for colours that are multiplied by opacity.
_EXTRA_SAMPLES, _MULTIPLIED = 338, (1, (1,))


class Decoded(NamedTuple):
    """A decoded photo.

    Attributes:
        pixels: uint8 or uint16 array `[h, w, C]`, upright: C is 1 for grey, 3 for RGB, 4 for CMYK.
        opacity: Array `[h, w]` of the same type; None if all pixels are opaque.
        orientation: EXIF orientation of the file, 1 to 8.
        is_simple: Whether the file holds 8-bit grey or RGB without transparency.
        metadata: What else the file says.
    """

    pixels: np.ndarray
    opacity: np.ndarray | None
    orientation: int
    is_simple: bool
    metadata: Metadata


def decode(content: bytes, picture: Image.Image) -> Decoded:
    """Decodes a photo.

    Args:
        content: The file's bytes.
        picture: The file as `open_photo` has opened it; turned upright unless it has 16 bits.

    Raises:
        UnreadablePhotoError: Its colour mode is unknown, or it differs from its header.
        Exception: Whatever decoders raise on a damaged file.
    """
    if deep_pixels.is_deep(content, picture.format or "", getattr(picture, "tag_v2", None)):
        pixels, opacity = _read_deep(content, picture)
        orientation = _read_orientation(picture)
        pixels = _turn(pixels, orientation)
        opacity = None if opacity is None else _turn(opacity, orientation)
        return Decoded(pixels, opacity, orientation, False, read_metadata(picture))
    picture.load()  # before the metadata: reading a PNG's metadata first would hide damaged pixels
    is_simple = picture.mode in ("L", "RGB") and "transparency" not in picture.info
    orientation, metadata = _read_orientation(picture), read_metadata(picture)
    _turn_upright(picture)  # after the metadata: Pillow writes them anew, without makers' notes
    return Decoded(*_split(picture), orientation, is_simple, metadata)


def _read_orientation(picture: Image.Image) -> int:
    """Returns the EXIF orientation, 1 to 8; 1 where it is unknown."""
    try:
        orientation = picture.getexif().get(0x0112, 1)
    except Exception:  # noqa: BLE001 - damaged metadata is no reason to refuse a photo
        return 1
    return orientation if orientation in range(1, 9) else 1


def _turn_upright(picture: Image.Image) -> None:
    """Turns a picture upright, in place, as its EXIF orientation asks."""
    # Pillow turns the pixels before it rewrites the metadata, which may fail if these are damaged.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(picture, in_place=True)


def _turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    # What is left after exchanging the axes: mirrored from left to right, upside down, or both.
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _split(picture: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the pixels of an 8-bit picture in any mode, and their opacity."""
    if picture.mode == "F":
        raise UnreadablePhotoError("unknown colour mode", "floating-point pixels have no known white")
    if picture.mode.startswith("I"):
        return _split_deep_grey(picture)
    is_grey = picture.mode in _GREY_MODES
    if picture.has_transparency_data:
        values = np.asarray(picture.convert("LA" if is_grey else "RGBA"))
        opacity = np.ascontiguousarray(values[..., -1])
        return np.ascontiguousarray(values[..., :-1]), None if (opacity == 255).all() else opacity
    if picture.mode == "CMYK":
        return np.asarray(picture), None
    if is_grey:
        return np.asarray(picture.convert("L"))[..., None], None
    values = np.asarray(picture.convert("RGB"))
    if picture.mode == "P" and (values == values[..., :1]).all():
        return np.ascontiguousarray(values[..., :1]), None
    return values, None


def _split_deep_grey(picture: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    values = np.asarray(picture).astype("int64")
    if values.min() < 0 or values.max() > 65535:
        raise UnreadablePhotoError("unknown colour mode", "more than 16 bits a pixel")
    return values.astype("uint16")[..., None], None


def _read_deep(content: bytes, picture: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    values = deep_pixels.read_deep(content, picture.format or "")
    if values.shape[:2] != picture.size[::-1] or values.dtype != np.uint16:
        raise UnreadablePhotoError("damaged", "its size differs from its header")
    num_channels = values.shape[-1]
    is_cmyk = picture.mode == "CMYK"
    if num_channels in (1, 3) or is_cmyk:
        hidden = deep_pixels.transparent_value(content) if picture.format == "PNG" else None
        opacity = None
        if hidden is not None and len(hidden) == num_channels:
            opacity = np.where((values == np.array(hidden)).all(axis=-1), 0, 65535).astype("uint16")
        return values[..., : 4 if is_cmyk else num_channels], opacity
    if num_channels not in (2, 4):
        raise UnreadablePhotoError("unknown colour mode", f"{num_channels} channels of 16 bits")
    pixels, opacity = np.ascontiguousarray(values[..., :-1]), np.ascontiguousarray(values[..., -1])
    tags = getattr(picture, "tag_v2", None)
    if tags is not None and tags.get(_EXTRA_SAMPLES) in _MULTIPLIED:
        share = np.maximum(opacity, 1)[..., None] / 65535.0
        pixels = np.clip(np.round(pixels / share), 0, 65535).astype("uint16")
    return pixels, None if (opacity == 65535).all() else opacity
