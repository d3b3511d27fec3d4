"""Homographies of points whose whole numbers are centres of pixels."""

from collections.abc import Sequence

import numpy as np

# How much larger or smaller a photo may appear beside the one that it is laid on.
_LARGEST_SCALE = 4.0
# How unevenly it may be enlarged: between two of its corners, and between two directions at one of them.
_LARGEST_UNEVENNESS = 2.0


def apply_homography(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Maps points.

    Args:
        homography: float64 array `[3, 3]`.
        points: float64 array `[n, 2]`.

    Returns:
        float64 array `[n, 2]`.
    """
    mapped = points @ homography[:, :2].T + homography[:, 2]
    return mapped[:, :2] / mapped[:, 2:]


def corners_of(height: int, width: int) -> np.ndarray:
    """Returns the centres of a photo's corner pixels, float64 `[4, 2]`, clockwise from the top left."""
    right, bottom = width - 1, height - 1
    return np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], "float64")


def is_unbent(homography: np.ndarray, height: int, width: int) -> bool:
    """Returns whether a homography keeps a photo's shape, but for what another angle of view explains.

    No corner is behind the camera, nothing is mirrored, and no part is enlarged or reduced more than 4 times,
    or twice as much as another.
    """
    corners = corners_of(height, width)
    depths = corners @ homography[2, :2] + homography[2, 2]
    if not np.isfinite(homography).all() or depths.min() * depths.max() <= 0:
        return False
    scales = np.stack([_scales_at(homography, corner) for corner in corners])
    if not (scales > 0).all():
        return False
    is_in_range = scales.min() >= 1 / _LARGEST_SCALE and scales.max() <= _LARGEST_SCALE
    return bool(is_in_range and scales.max() <= _LARGEST_UNEVENNESS * scales.min())


def _scales_at(homography, point):
    """Returns the enlargement in its two main directions; negative where it mirrors."""
    depth = homography[2, :2] @ point + homography[2, 2]
    mapped = (homography[:2, :2] @ point + homography[:2, 2]) / depth
    jacobian = (homography[:2, :2] - np.outer(mapped, homography[2, :2])) / depth
    return np.linalg.svd(jacobian, compute_uv=False) * np.sign(np.linalg.det(jacobian))


def reduce_to_canvas(
    homographies: np.ndarray, sizes: Sequence[tuple[int, int]], max_pixels: int
) -> tuple[np.ndarray, float]:
    """Reduces the plane in which photos lie, if they would need too large a canvas.

    Args:
        homographies: float64 array `[K, 3, 3]`: takes points of each photo to the plane.
        sizes: Height and width of each photo.
        max_pixels: The largest canvas.

    Returns:
        The homographies to the reduced plane, and by how much it was reduced; 1 if not at all.
    """
    corners = np.concatenate(
        [
            apply_homography(homography, corners_of(*size))
            for homography, size in zip(homographies, sizes, strict=True)
        ]
    )
    # The canvas begins and ends with whole pixels.
    width, height = corners.max(axis=0) - corners.min(axis=0) + 3
    scale = min(1.0, (max_pixels / (width * height)) ** 0.5)
    return np.diag([scale, scale, 1.0]) @ homographies, float(scale)
