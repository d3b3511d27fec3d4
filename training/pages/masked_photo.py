"""Shows the masked part of a photo on white."""

import numpy as np


def on_white(raw_image: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """Lays a product on white.

    Args:
        raw_image: uint8 array `[h, w, 3]`.
        opacity: float array `[h, w, 1]`, range [0, 1].

    Returns:
        uint8 array `[h, w, 3]`.

    Example:

    >>> on_white(np.zeros([1, 1, 3], "uint8"), np.full([1, 1, 1], 0.2)).ravel().tolist()
    [204, 204, 204]
    """
    return np.round(255.0 + opacity * (raw_image.astype("float32") - 255.0)).astype("uint8")
