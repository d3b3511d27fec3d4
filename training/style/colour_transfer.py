"""Gives a picture the colours of another one, which is the least that a style can do.

Sources:
    [Reinhard] Reinhard et al. 2001, "Color Transfer between Images": means and deviations in the space
    l-alpha-beta, whose axes hardly depend on each other.
"""

import numpy as np

_TO_CONES = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
_TO_LAB = np.diag(1 / np.sqrt([3.0, 6.0, 2.0])) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])


def transfer_colours(raw_image: np.ndarray, example: np.ndarray) -> np.ndarray:
    """Returns a picture, uint8 `[h, w, 3]`, with the mean and the deviation of another one's colours."""
    values, wanted = _to_lab(raw_image), _to_lab(example)
    values = (values - values.mean(0)) / (values.std(0) + 1e-6) * wanted.std(0) + wanted.mean(0)
    return _from_lab(values).reshape(raw_image.shape)


def _to_lab(raw_image: np.ndarray) -> np.ndarray:
    colours = raw_image.reshape(-1, 3).astype("float64") / 255.0
    return np.log10(np.maximum(colours @ _TO_CONES.T, 1 / 255)) @ _TO_LAB.T


def _from_lab(values: np.ndarray) -> np.ndarray:
    cones = 10.0 ** (values @ np.linalg.inv(_TO_LAB).T)
    return np.clip(np.round(255.0 * cones @ np.linalg.inv(_TO_CONES).T), 0, 255).astype("uint8")
