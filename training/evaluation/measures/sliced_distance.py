"""How unlike two pictures are in what repeats in them, measured without a network.

Sources:
    [SWD] Rabin et al. 2011, "Wasserstein Barycenter and its Application to Texture Mixing".
    [Karras] Karras et al. 2018, arXiv 1710.10196, section 5: patches of 7 x 7 pixels at several scales.
"""

import numpy as np
from PIL import Image

SCALES = (1, 2, 4)
PATCH_SIDE = 7
_NUM_PATCHES, _NUM_PROJECTIONS, _SEED = 4096, 256, 0


def sliced_distance(raw_image: np.ndarray, other_raw_image: np.ndarray) -> float:
    """Returns the sliced Wasserstein distance [SWD] of two pictures' patches, the mean over three scales.

    Args:
        raw_image: uint8 array `[h, w, 3]`, h and w at least 28.
        other_raw_image: uint8 array `[H, W, 3]`, which may have another size.

    Returns:
        The mean distance in grey levels between patches of 7 x 7 pixels along random directions; 0 for equal
        pictures, the same for the same pictures at every call.

    Raises:
        ValueError: A picture is too small.

    Example:

    >>> black, grey = np.zeros([32, 32, 3], "uint8"), np.full([40, 30, 3], 128, "uint8")
    >>> sliced_distance(black, black), sliced_distance(black, grey) > 50
    (0.0, True)
    """
    generator = np.random.default_rng(_SEED)
    directions = generator.normal(size=(PATCH_SIDE**2 * 3, _NUM_PROJECTIONS)).astype("float32")
    directions /= np.linalg.norm(directions, axis=0)
    distances = []
    for scale in SCALES:
        projected = [
            np.sort(_draw_patches(_reduce(image, scale)) @ directions, axis=0)
            for image in (raw_image, other_raw_image)
        ]
        distances.append(np.abs(projected[0] - projected[1]).mean())
    return float(np.mean(distances))


def _reduce(raw_image: np.ndarray, scale: int) -> np.ndarray:
    if min(raw_image.shape[:2]) < scale * PATCH_SIDE:
        raise ValueError(
            f"Pictures must have at least {SCALES[-1] * PATCH_SIDE} pixels a side, because patches are "
            f"compared at a quarter of their size. Received: shape {raw_image.shape}. Leave them out."
        )
    return np.asarray(Image.fromarray(raw_image).reduce(scale)).astype("float32")


def _draw_patches(image: np.ndarray) -> np.ndarray:
    """Returns patches at random places as rows."""
    generator = np.random.default_rng(_SEED + 1)
    windows = np.lib.stride_tricks.sliding_window_view(image, (PATCH_SIDE, PATCH_SIDE), axis=(0, 1))
    places = generator.uniform(size=(_NUM_PATCHES, 2))
    rows, columns = ((places[:, axis] * windows.shape[axis]).astype(int) for axis in (0, 1))
    return windows[rows, columns].reshape(_NUM_PATCHES, -1)
