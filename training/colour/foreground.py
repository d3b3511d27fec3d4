"""Separates the product from its background by colour and position.

Sources:
    [GrabCut] Rother, Kolmogorov and Blake 2004, "GrabCut": colour models of foreground and background,
    alternately applied and refitted. Here the models are histograms over a few of the photo's colours, and
    the result is smoothed instead of cut: an average over the product needs no exact outline.
"""

import numpy as np

_NUM_COLOURS = 10
_NUM_REFITS = 5
# Lightness counts less, because light and shadow change it but not the colour.
_AXIS_WEIGHTS = np.array([0.8, 1.6, 1.6], "float32")


def find_foreground(lab: np.ndarray) -> np.ndarray:
    """Estimates, for each pixel, the probability that it shows the product.

    Args:
        lab: float32 array `[h, w, 3]` in OKLab.

    Returns:
        float32 array `[h, w]`, range [0, 1].

    Example:

    >>> lab = np.ones((20, 20, 3), "float32")
    >>> lab[6:14, 6:14] = (0.6, 0.2, 0.1)
    >>> find_foreground(lab)[[0, 10], [0, 10]].round().tolist()
    [0.0, 1.0]
    """
    height, width = lab.shape[:2]
    prior = _centre_prior(height, width)
    labels, num_colours = _quantise(lab.reshape(-1, 3))
    shares = np.eye(num_colours, dtype="float32")[labels]
    places = np.log(prior / (1 - prior)).ravel()
    foreground = prior.ravel()
    for _ in range(_NUM_REFITS):
        inside = foreground @ shares / foreground.sum() + 0.004
        outside = (1 - foreground) @ shares / (1 - foreground).sum() + 0.004
        ratio = np.log(inside / outside)
        # The centre also contains some of a small product's background. A colour that is rarer inside than
        # outside is therefore strong evidence against the product.
        evidence = np.clip(np.where(ratio > 0, 1.6, 6.0) * ratio, -6, 6)
        foreground = 1 / (1 + np.exp(-(0.8 * places + evidence[labels])))
        foreground = _smooth(foreground.reshape(height, width)).ravel()
    return foreground.reshape(height, width).astype("float32")


def _centre_prior(height: int, width: int) -> np.ndarray:
    rows = np.linspace(-1, 1, height)[:, None]
    columns = np.linspace(-1, 1, width)[None, :]
    # Corners are further out than the middles of the sides, where trousers may extend beyond the picture.
    radius = (np.abs(rows) ** 2.5 + np.abs(columns) ** 2.5) ** (1 / 2.5)
    return 0.03 + 0.75 * np.exp(-((radius / 0.72) ** 4))


def _quantise(pixels: np.ndarray) -> tuple[np.ndarray, int]:
    """Finds the main colours by k-means, initialised with the pixels furthest from each other."""
    points = pixels * _AXIS_WEIGHTS
    sample = points[:: max(1, len(points) // 600)]
    chosen = [sample.mean(axis=0)]
    distances = np.full(len(sample), np.inf)
    for _ in range(_NUM_COLOURS):
        distances = np.minimum(distances, ((sample - chosen[-1]) ** 2).sum(axis=1))
        chosen.append(sample[distances.argmax()])
    centres = np.array(chosen[1:])
    for _ in range(6):
        nearest = _nearest(sample, centres)
        for index in range(len(centres)):
            members = sample[nearest == index]
            if len(members):
                centres[index] = members.mean(axis=0)
    return _nearest(points, centres), len(centres)


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return ((centres**2).sum(axis=1) - 2 * points @ centres.T).argmin(axis=1)


def _smooth(values: np.ndarray) -> np.ndarray:
    """Averages over windows of 3 x 3 pixels."""
    padded = np.pad(values, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9
