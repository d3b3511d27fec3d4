"""Converts pixels from and to the colour space that a photo's embedded profile describes.

Models see sRGB. The mapping is relative colorimetric with black point compensation, as in photo editors.

Sources:
    [ICC] International Color Consortium, specification ICC.1:2022.
    [PNG] W3C, Portable Network Graphics, third edition, section 11.3.2.2 (gamma).
"""

import functools
import io

import numpy as np
from PIL import Image, ImageCms

# Largest difference in grey levels at which a profile counts as sRGB itself: there are many versions of it.
SAME_LEVELS = 2
_STANDARD_GAMMA = 0.45455
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_SPACES = {"GRAY": 1, "RGB": 3, "CMYK": 4}


def usable_profile(profile: bytes | None, num_channels: int) -> bytes | None:
    """Returns a profile if pixels have to be converted by it, else None.

    Args:
        profile: An ICC profile, which may be damaged, or None.
        num_channels: 1 for grey pixels, 3 for RGB, 4 for CMYK.

    Returns:
        None also for sRGB itself and for what viewers ignore: a damaged profile, or one of other pixels.
    """
    return profile if profile and _is_usable(profile, num_channels) else None


def to_srgb(pixels: np.ndarray, profile: bytes | None) -> np.ndarray:
    """Converts pixels to sRGB.

    Args:
        pixels: uint8 array `[h, w, 1, 3 or 4]`: grey, RGB or CMYK.
        profile: Their profile, as `usable_profile` returns it.

    Returns:
        uint8 array `[h, w, 3]`.

    Example:

    >>> to_srgb(np.full([1, 1, 1], 7, "uint8"), None).tolist()
    [[[7, 7, 7]]]
    """
    mode = _MODES[pixels.shape[-1]]
    if profile is None:
        if mode == "RGB":
            return pixels
        return np.asarray(_to_picture(pixels).convert("RGB"))
    return np.asarray(ImageCms.applyTransform(_to_picture(pixels), _transform(profile, mode, False)))


def from_srgb(images: np.ndarray, profile: bytes | None, num_channels: int) -> np.ndarray:
    """Converts sRGB to a profile's colours.

    Args:
        images: uint8 array `[h, w, 3]`.
        profile: As for `to_srgb`.
        num_channels: 1 for grey pixels, 3 for RGB, 4 for CMYK.

    Returns:
        uint8 array `[h, w, num_channels]`.
    """
    mode = _MODES[num_channels]
    if profile is None:
        converted = images if mode == "RGB" else np.asarray(_to_picture(images).convert(mode))
    else:
        converted = np.asarray(ImageCms.applyTransform(_to_picture(images), _transform(profile, mode, True)))
    return converted if converted.ndim == 3 else converted[..., None]


def apply_gamma(pixels: np.ndarray, gamma: float) -> np.ndarray:
    """Converts to sRGB what a PNG file's `gAMA` declares: values are light to the power of `gamma`."""
    if not 0.05 < gamma < 20 or abs(gamma - _STANDARD_GAMMA) < 0.02:
        return pixels
    limit = np.iinfo(pixels.dtype).max
    light = (np.arange(limit + 1) / limit) ** (1.0 / gamma)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(limit * encoded).astype(pixels.dtype)[pixels]


def _to_picture(pixels: np.ndarray) -> Image.Image:
    if pixels.shape[-1] == 4:
        return Image.frombuffer(
            "CMYK", pixels.shape[1::-1], np.ascontiguousarray(pixels), "raw", "CMYK", 0, 1
        )
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else np.ascontiguousarray(pixels))


@functools.lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str, is_to_profile: bool):
    embedded, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    source, target = (srgb, embedded) if is_to_profile else (embedded, srgb)
    return ImageCms.buildTransform(
        source,
        target,
        "RGB" if is_to_profile else mode,
        mode if is_to_profile else "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


@functools.lru_cache(maxsize=32)
def _is_usable(profile: bytes, num_channels: int) -> bool:
    try:
        space = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space.strip()
        if _SPACES.get(space) != num_channels:
            return False
        _transform(profile, _MODES[num_channels], True)
        levels = np.linspace(0, 255, 18).round().astype("uint8")
        if num_channels == 1:
            probe = levels[None, :, None]
        else:
            probe = np.stack(np.meshgrid(*[levels] * 3), axis=-1).reshape(1, -1, 3)
            if num_channels == 4:
                return True
        difference = to_srgb(probe, profile).astype(int) - probe
    except Exception:  # noqa: BLE001 - LittleCMS and Pillow raise anything on a damaged profile
        return False
    return bool(np.abs(difference).max() > SAME_LEVELS)
