"""Resizes and fills the channels of a photo of any depth, without a model."""

import numpy as np
from PIL import Image


def to_eight_bits(pixels: np.ndarray) -> np.ndarray:
    """Rounds uint16 values to uint8; leaves uint8 as it is.

    Example:

    >>> to_eight_bits(np.array([0, 257, 65535], "uint16")).tolist()
    [0, 1, 255]
    """
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype("uint32") + 128) // 257).astype("uint8")


def enlarge(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Enlarges `[h, w, C]` by bicubic interpolation, channel by channel, in floating point."""
    limit = np.iinfo(pixels.dtype).max
    enlarged = np.empty([height, width, pixels.shape[-1]], pixels.dtype)
    for channel in range(pixels.shape[-1]):
        plane = Image.fromarray(pixels[..., channel].astype("float32"))
        large = np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC))
        enlarged[..., channel] = np.clip(np.round(large), 0, limit)
    return enlarged


def extend(pixels: np.ndarray, is_visible: np.ndarray) -> np.ndarray:
    """Fills hidden pixels with the colours of visible ones nearby, from fine scales to coarse ones."""
    if is_visible.all() or not is_visible.any():
        return pixels
    height, width = is_visible.shape
    filled = pixels.astype("float32")
    known = is_visible.copy()
    scale = 2
    while not known.all() and scale < 4 * max(height, width):
        size = (max(1, -(-width // scale)), max(1, -(-height // scale)))
        weight = _shrunk(is_visible.astype("float32"), size)
        is_new = ~known & (_grown(weight, (width, height)) > 1e-4)
        for channel in range(pixels.shape[-1]):
            small = _shrunk(np.where(is_visible, pixels[..., channel], 0).astype("float32"), size)
            large = _grown(small / np.maximum(weight, 1e-6), (width, height))
            filled[..., channel] = np.where(is_new, large, filled[..., channel])
        known |= is_new
        scale *= 2
    return np.round(filled).astype(pixels.dtype)


def _shrunk(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BOX))


def _grown(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.NEAREST))
