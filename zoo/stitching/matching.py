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

# A feature has found its match if every other one is so much further away; the loose ratio is for photos with
# few features, of which the pixels must then tell.
_RATIO, _LOOSE_RATIO = 0.8, 0.9
# How well the pixels of the overlap must correlate: those of dark photos full of noise do by 0.66 and more,
# those of two products on the same carpet by 0.46.
_LEAST_CORRELATION, _LEAST_UNSURE_CORRELATION = 0.5, 0.55
_LEAST_UNSURE_INLIERS = 5
# Photos with fewer features than this get the second chance.
_FEW_FEATURES = 1_000
# Features as alike as this show the same; of unrelated photos, hardly any are.
_TWIN_COSINE, _LEAST_TWINS = 0.985, 20
# How far a match may be from where the homography expects it: at first, and when matches are collected again.
_INLIER_PIXELS, _NEAR_PIXELS = 3.0, 4.0
# Features are alike if the cosine between them is at least this.
_LEAST_COSINE = 0.85
# [BrownLowe]: a true pair has more inliers than this plus this share of all matches where photos overlap.
_LEAST_INLIERS, _LEAST_SHARE = 8, 0.3
# Residuals of the last fit beyond so many pixels count less.
_SOFT_PIXELS = 0.7

NOTHING_IN_COMMON = "it shows nothing that the others show"
UNLIKE = "it does not look like the others where it has points in common with them"
REPEATS = "it fits in more than one place, because its pattern repeats"
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
    result = _follow(_sure_homography(first, second, cosines), first, second, cosines)
    has_few = min(cosines.shape) < _FEW_FEATURES
    if isinstance(result, Refusal) and result.reason == NOTHING_IN_COMMON and has_few:
        result = _follow(_unsure_homography(first, second, cosines), first, second, cosines)
    if isinstance(result, Refusal) and result.reason == NOTHING_IN_COMMON and _is_repetitive(cosines):
        return Refusal(REPEATS, result.num_points)
    return result


def _follow(hypothesis, first, second, cosines):
    """Returns the pair that a first guess leads to, or the refusal that it ends in."""
    homography, num_points, least_correlation = hypothesis
    is_sure = least_correlation == _LEAST_CORRELATION
    if homography is None:
        return Refusal(NOTHING_IN_COMMON, num_points)
    for _ in range(2):
        if not is_unbent(homography, *second.grey.shape):
            return Refusal(BENT if is_sure else NOTHING_IN_COMMON, num_points)
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
    correlation, is_unique = likeness.compare(first.grey, second.grey, pair.homography)
    if correlation < least_correlation:
        return Refusal(UNLIKE if is_sure else NOTHING_IN_COMMON, len(rows))
    return pair if is_unique else Refusal(REPEATS, len(rows))


def _sure_homography(first, second, cosines):
    """Returns the homography of features that are unlike all others, if there are enough."""
    rows, columns = _distinct_matches(cosines, _RATIO)
    homography, inliers = _robust_homography(first.points[rows], second.points[columns])
    num_points = int(inliers.sum())
    if homography is not None:
        mapped = apply_homography(homography, second.points[columns])
        num_shared = ((mapped >= 0) & (mapped < first.grey.shape[::-1])).all(axis=1).sum()
        if num_points <= _LEAST_INLIERS + _LEAST_SHARE * num_shared:
            homography = None
    return homography, num_points, _LEAST_CORRELATION


def _unsure_homography(first, second, cosines):
    """Returns a guess at a similarity from few features, which the pixels must then confirm."""
    rows, columns = _distinct_matches(cosines, _LOOSE_RATIO)
    if len(rows) < _LEAST_UNSURE_INLIERS:
        return None, len(rows), _LEAST_UNSURE_CORRELATION
    similarity, inliers = import_cv2().estimateAffinePartial2D(
        second.points[columns],
        first.points[rows],
        ransacReprojThreshold=2 * _INLIER_PIXELS,
        maxIters=3_000,
        confidence=0.999,
    )
    if similarity is None or inliers.sum() < _LEAST_UNSURE_INLIERS:
        return None, 0, _LEAST_UNSURE_CORRELATION
    return np.vstack([similarity, [0, 0, 1]]), int(inliers.sum()), _LEAST_UNSURE_CORRELATION


def _distinct_matches(cosines, ratio):
    """Returns the indices of features that choose each other, and no other almost as gladly."""
    rows, columns = np.arange(len(cosines)), cosines.argmax(axis=1)
    is_mutual = cosines.argmax(axis=0)[columns] == rows
    rows, columns = rows[is_mutual], columns[is_mutual]
    second_best, best = np.partition(cosines[rows], -2, axis=1)[:, -2:].T
    # Of vectors of length 1, the distance is sqrt(2 - 2 cos).
    is_distinct = 1 - best < ratio**2 * (1 - second_best)
    return rows[is_distinct], columns[is_distinct]


def _robust_homography(first_points, second_points):
    if len(first_points) < _LEAST_INLIERS:
        return None, np.zeros([0], bool)
    cv2 = import_cv2()
    homography, inliers = cv2.findHomography(
        second_points, first_points, cv2.USAC_MAGSAC, _INLIER_PIXELS, maxIters=10_000, confidence=0.9999
    )
    return homography, np.zeros([0], bool) if inliers is None else inliers[:, 0].astype(bool)


def _is_repetitive(cosines):
    """Returns whether most features that found a twin found several, as in a pattern without end."""
    with_twin = cosines[cosines.max(axis=1) > _TWIN_COSINE]
    if len(with_twin) < _LEAST_TWINS:
        return False
    num_of_several = (np.partition(with_twin, -2, axis=1)[:, -2] > _TWIN_COSINE).sum()
    return num_of_several > len(with_twin) / 2


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
