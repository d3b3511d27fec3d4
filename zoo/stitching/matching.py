"""Finds the homography that takes one photo onto another, or says why there is none.

Sources:
    [BrownLowe] Brown & Lowe 2007, "Automatic Panoramic Image Stitching using Invariant Features": how many
        matches a true pair has.
    [MAGSAC] Barath et al. 2020, "MAGSAC++, a Fast, Reliable and Accurate Robust Estimator".
"""

from typing import NamedTuple

import numpy as np
from scipy import optimize

from zoo.stitching import likeness
from zoo.stitching.geometry import apply_homography, is_unbent
from zoo.stitching.refinement import refine
from zoo.stitching.view import View, import_cv2

# A feature has found its match if every other one is so much further away.
_RATIO = 0.8
# How far a match may be from where the homography expects it: at first, and when matches are collected again.
_INLIER_PIXELS, _NEAR_PIXELS = 3.0, 4.0
# Features are alike if the cosine between them is at least this.
_LEAST_COSINE = 0.85
# [BrownLowe]: a true pair has more inliers than this plus this share of all matches where photos overlap.
_LEAST_INLIERS, _LEAST_SHARE = 8, 0.3
# Residuals of the last fit beyond so many pixels count less.
_SOFT_PIXELS = 0.7

NOTHING_IN_COMMON = "it shows nothing that the others show"
BENT = "it would have to be bent to fit, perhaps because it was taken from another place"


class Pair(NamedTuple):
    """Two photos that show some of the same.

    Args:
        homography: float64 array `[3, 3]`: takes points of the second view to the first.
        first_points: float64 array `[n, 2]`: points of the first view.
        second_points: float64 array `[n, 2]`: where the second view has them.
        weights: float64 array `[n]`: how exact they are.
    """

    homography: np.ndarray
    first_points: np.ndarray
    second_points: np.ndarray
    weights: np.ndarray


class Refusal(NamedTuple):
    """Two photos that are no pair.

    Args:
        reason: Why, of the second photo, e.g. `NOTHING_IN_COMMON`.
        num_points: How many points agree, which says how near to a pair the two are.
        other: Index of the photo that the reason calls `{other}`.
    """

    reason: str
    num_points: int = 0
    other: int | None = None


def match(first: View, second: View) -> Pair | Refusal:
    """Matches two photos.

    Raises:
        ImportError: The extra `stitching` is not installed.
    """
    if min(len(first.points), len(second.points)) < _LEAST_INLIERS:
        return Refusal(NOTHING_IN_COMMON)
    cosines = first.descriptors @ second.descriptors.T
    rows, columns = _distinct_matches(cosines)
    homography, inliers = _robust_homography(first.points[rows], second.points[columns])
    if homography is None or not _is_likely(homography, inliers, second.points[columns], first.grey.shape):
        return Refusal(NOTHING_IN_COMMON, int(inliers.sum()))
    for _ in range(2):
        if not is_unbent(homography, *second.grey.shape):
            return Refusal(BENT, int(inliers.sum()))
        rows, columns = _matches_nearby(first, second, cosines, homography)
        if len(rows) < _LEAST_INLIERS:
            return Refusal(NOTHING_IN_COMMON, len(rows))
        # A coarse feature's place is as uncertain as it is large.
        weights = 1 / np.sqrt(first.sizes[rows] * second.sizes[columns])
        homography = _fit(homography, first.points[rows], second.points[columns], weights)
    pair = Pair(homography, first.points[rows], second.points[columns], weights / weights.mean())
    pair = pair._replace(homography=refine(first.grey, second.grey, *pair))
    if not is_unbent(pair.homography, *second.grey.shape):
        return Refusal(BENT, len(rows))
    objection = likeness.find_objection(first.grey, second.grey, pair.homography)
    return pair if objection is None else Refusal(objection, len(rows))


def _distinct_matches(cosines):
    """Returns the indices of features that choose each other, and no other almost as gladly."""
    rows, columns = np.arange(len(cosines)), cosines.argmax(axis=1)
    is_mutual = cosines.argmax(axis=0)[columns] == rows
    rows, columns = rows[is_mutual], columns[is_mutual]
    second_best, best = np.partition(cosines[rows], -2, axis=1)[:, -2:].T
    # Of vectors of length 1, the distance is sqrt(2 - 2 cos).
    is_distinct = 1 - best < _RATIO**2 * (1 - second_best)
    return rows[is_distinct], columns[is_distinct]


def _robust_homography(first_points, second_points):
    if len(first_points) < _LEAST_INLIERS:
        return None, np.zeros([0], bool)
    cv2 = import_cv2()
    homography, inliers = cv2.findHomography(
        second_points, first_points, cv2.USAC_MAGSAC, _INLIER_PIXELS, maxIters=10_000, confidence=0.9999
    )
    return homography, np.zeros([0], bool) if inliers is None else inliers[:, 0].astype(bool)


def _is_likely(homography, inliers, second_points, first_shape):
    mapped = apply_homography(homography, second_points)
    is_shared = ((mapped >= 0) & (mapped < first_shape[::-1])).all(axis=1)
    return inliers.sum() > _LEAST_INLIERS + _LEAST_SHARE * is_shared.sum()


def _matches_nearby(first, second, cosines, homography):
    """Returns the indices of features that are alike and near where the homography takes them."""
    mapped = apply_homography(homography, second.points)
    height, width = first.grey.shape
    margin = _NEAR_PIXELS
    columns = np.flatnonzero(((mapped > -margin) & (mapped < np.array([width, height]) + margin)).all(axis=1))
    rows = (
        np.flatnonzero(
            (
                (first.points >= mapped[columns].min(0) - margin)
                & (first.points <= mapped[columns].max(0) + margin)
            ).all(axis=1)
        )
        if len(columns)
        else columns
    )
    if not len(rows):
        return rows, columns[:0]
    distances = ((first.points[rows, None, :] - mapped[None, columns]) ** 2).sum(axis=2)
    near = np.where(distances < margin**2, cosines[np.ix_(rows, columns)], -1)
    best = near.argmax(axis=1)
    chosen = (near.argmax(axis=0)[best] == np.arange(len(rows))) & (near.max(axis=1) > _LEAST_COSINE)
    return rows[chosen], columns[best[chosen]]


def _fit(homography, first_points, second_points, weights):
    """Returns the homography with the least weighted distances, of which large ones count less."""
    scale = np.abs(second_points).max()
    weights = np.sqrt(weights / weights.mean())[:, None]
    # Numbers of about 1 make the fit exact.
    shrink = np.diag([scale, scale, 1.0])
    start = homography @ shrink
    start = start / start[2, 2]
    normal = second_points / scale

    def residuals(values):
        mapped = apply_homography(np.append(values, 1).reshape(3, 3), normal)
        return ((mapped - first_points) * weights).ravel()

    solution = optimize.least_squares(
        residuals, start.ravel()[:8], loss="soft_l1", f_scale=_SOFT_PIXELS, x_scale="jac"
    )
    return np.append(solution.x, 1).reshape(3, 3) @ np.linalg.inv(shrink)
