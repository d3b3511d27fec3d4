"""Refines a homography on the photos' pixels, which know more than their features where these are few.

Sources:
    [LucasKanade] Baker & Matthews 2004, "Lucas-Kanade 20 Years On: A Unifying Framework": steps from the
        gradients of the warped photo.
"""

import numpy as np

from zoo.stitching.geometry import apply_homography
from zoo.stitching.view import import_cv2

# Smoothing of both photos: first wide, for a start that is some pixels off, then just enough to calm noise.
_SIGMAS = (3.0, 1.2)
# With so many points, the start is near enough.
_FEW_POINTS = 100
_NUM_STEPS = 12
# Pixels with the steepest gradients are used, at most so many.
_NUM_PIXELS = 60_000
# Steps end when they move no corner of the overlap by so many pixels.
_LEAST_MOVE = 0.005
# Neighbouring pixels share their noise, because they are smoothed: so many count as one, times sigma squared.
_PIXELS_PER_SIGMA = 8.0
# How far a feature of average size is from its true place, in pixels.
_FEATURE_PIXELS = 0.5
# Deviations beyond so many of their typical size count less.
_HUBER = 1.5


def refine(
    first: np.ndarray,
    second: np.ndarray,
    homography: np.ndarray,
    first_points: np.ndarray,
    second_points: np.ndarray,
    weights: np.ndarray,
) -> np.ndarray:
    """Fits brightness and matched points together; exposure may differ.

    Args:
        first: uint8 array `[h, w]`: the first photo, grey.
        second: uint8 array `[h, w]`: the second photo, grey.
        homography: float64 array `[3, 3]`: takes points of the second to the first, within about 2 pixels.
        first_points: float64 array `[n, 2]`: matched points of the first photo.
        second_points: float64 array `[n, 2]`: the same points of the second photo.
        weights: float64 array `[n]`: how exact they are; 1 on average.

    Returns:
        float64 array `[3, 3]`.
    """
    for sigma in _SIGMAS if len(weights) < _FEW_POINTS else _SIGMAS[-1:]:
        homography = _refine_at(sigma, first, second, homography, first_points, second_points, weights)
    return homography


def _refine_at(sigma, first, second, homography, first_points, second_points, weights):
    cv2 = import_cv2()
    height, width = first.shape
    # Numbers of about 1 make the fit exact.
    shrink = np.diag([2 / max(height, width), 2 / max(height, width), 1.0])
    shrink[:2, 2] = [-width / max(height, width), -height / max(height, width)]
    target = cv2.GaussianBlur(first, (0, 0), sigma).astype("float32")
    moving = cv2.GaussianBlur(second, (0, 0), sigma).astype("float32")
    inside = np.ones_like(second)
    inside[[0, -1]] = inside[:, [0, -1]] = 0
    for _ in range(_NUM_STEPS):
        warped = cv2.warpPerspective(moving, homography, (width, height), flags=cv2.INTER_LINEAR)
        covered = cv2.warpPerspective(inside, homography, (width, height), flags=cv2.INTER_NEAREST)
        covered = cv2.erode(covered, np.ones((5, 5), "uint8"), borderValue=0).astype(bool)
        if covered.sum() < 100:
            return homography
        rows, columns, x_slopes, y_slopes = _steepest(warped, covered)
        errors = _without_exposure(warped[rows, columns], target[rows, columns])
        jacobian = _moves(np.stack([columns, rows], axis=1), shrink)
        jacobian = jacobian[:, 0] * x_slopes[:, None] + jacobian[:, 1] * y_slopes[:, None]
        spread = max(np.median(np.abs(errors)) * 1.48, 0.5)
        share = _huber(errors / spread) / (spread**2 * _PIXELS_PER_SIGMA * sigma**2)
        normal, gradient = _normal_equations(jacobian, errors, share)

        mapped = apply_homography(homography, second_points)
        distances = (mapped - first_points) / _FEATURE_PIXELS
        share = weights * _huber(np.linalg.norm(distances, axis=1) * np.sqrt(weights))
        # A move of the grid by d shows at x what was at x + d, so points move by -d.
        jacobian = -_moves(mapped, shrink) / _FEATURE_PIXELS
        for axis in range(2):
            more = _normal_equations(jacobian[:, axis], distances[:, axis], share)
            normal, gradient = normal + more[0], gradient + more[1]

        step = np.linalg.lstsq(normal, -gradient, rcond=1e-12)[0]
        change = np.linalg.inv(shrink) @ (np.eye(3) + np.append(step, 0).reshape(3, 3)) @ shrink
        homography = np.linalg.inv(change) @ homography
        homography = homography / homography[2, 2]
        if np.abs(_moves(np.array([[0, 0], [width, height]]), shrink) @ step).max() < _LEAST_MOVE:
            break
    return homography


def _steepest(warped, covered):
    cv2 = import_cv2()
    x_slopes = cv2.Sobel(warped, cv2.CV_32F, 1, 0, ksize=3) / 8
    y_slopes = cv2.Sobel(warped, cv2.CV_32F, 0, 1, ksize=3) / 8
    rows, columns = np.nonzero(covered)
    if len(rows) > _NUM_PIXELS:
        steepness = x_slopes[rows, columns] ** 2 + y_slopes[rows, columns] ** 2
        chosen = np.argpartition(steepness, -_NUM_PIXELS)[-_NUM_PIXELS:]
        rows, columns = rows[chosen], columns[chosen]
    return rows, columns, x_slopes[rows, columns].astype("float64"), y_slopes[rows, columns].astype("float64")


def _without_exposure(values, targets):
    """Returns how far values are from the targets once their mean and spread are the same."""
    gain = targets.std() / max(values.std(), 1e-3)
    return ((values - values.mean()) * gain - (targets - targets.mean())).astype("float64")


def _moves(points, shrink):
    """Returns how much each of 8 entries of a homography moves points, `[n, 2, 8]`."""
    x, y = (points @ shrink[:2, :2].T + shrink[:2, 2]).T
    ones, zeros = np.ones_like(x), np.zeros_like(x)
    moves = np.stack(
        [
            np.stack([x, y, ones, zeros, zeros, zeros, -x * x, -x * y], axis=1),
            np.stack([zeros, zeros, zeros, x, y, ones, -x * y, -y * y], axis=1),
        ],
        axis=1,
    )
    return moves / shrink[0, 0]


def _huber(deviations):
    return np.minimum(1.0, _HUBER / np.maximum(np.abs(deviations), 1e-9))


def _normal_equations(jacobian, errors, weights):
    weighted = jacobian * weights[:, None]
    return jacobian.T @ weighted, weighted.T @ errors
