"""Lays several photos on one canvas: which belong together, and where each one goes.

Sources:
    [BrownLowe] Brown & Lowe 2007, "Automatic Panoramic Image Stitching using Invariant Features": photos as a
        graph, of which the largest connected part is stitched; all homographies refined at once.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import optimize, sparse
from scipy.sparse import csgraph

from zoo.command_line.processors import usable_processors
from zoo.stitching.geometry import apply_homography, corners_of, is_unbent
from zoo.stitching.matching import BENT, NOTHING_IN_COMMON, Pair, Refusal, match
from zoo.stitching.view import View, mirror_view

# Points of a grid on each overlap, at which all pairs are to agree in the end: so many along a side.
_GRID_POINTS = 10
# Residuals beyond so many pixels count less.
_SOFT_PIXELS = 0.7
# Two photos are one and the same if no corner of one is further from the other's, in pixels of the views.
_SAME_PIXELS = 2.0

MIRRORED = "it fits only if it is mirrored"
SAME = "it is the same picture as {other}"


@dataclasses.dataclass(frozen=True)
class Alignment:
    """Photos in one plane.

    Args:
        order: Indices of the photos used; the first is the one that the others are laid on.
        homographies: float64 array `[K, 3, 3]`: takes points of each used photo to the plane, in the first
            one's pixels.
        refused: Why each of the other photos is not used, by its index.
    """

    order: list[int]
    homographies: np.ndarray
    refused: dict[int, Refusal]


def align(views: Sequence[View], track: Callable[[Sequence], Iterable] = iter) -> Alignment:
    """Aligns photos.

    Args:
        views: Views of two or more photos.
        track: Wraps the pairs that are matched, e.g. in a progress bar.

    Returns:
        The alignment of the largest group of photos that belong together; of one photo if none do.

    Raises:
        ImportError: The extra `stitching` is not installed.
    """
    keys = list(itertools.combinations(range(len(views)), 2))
    with ThreadPoolExecutor(usable_processors()) as pool:
        matched = pool.map(lambda key: match(views[key[0]], views[key[1]]), keys)
        results = dict(zip(track(keys), matched, strict=True))
    refused = _find_copies(views, results)
    pairs = {
        key: pair for key, pair in results.items() if isinstance(pair, Pair) and not refused.keys() & set(key)
    }
    while True:
        order, parents = _largest_tree(pairs, len(views), list(refused))
        to_plane = _refine(views, pairs, order, _along_tree(pairs, order, parents))
        bent = [one for one in order if not is_unbent(to_plane[one], *views[one].grey.shape)]
        if not bent:
            break
        refused |= dict.fromkeys(bent, Refusal(BENT))
        pairs = {key: pair for key, pair in pairs.items() if not set(bent) & set(key)}
    for one in range(len(views)):
        if one not in order and one not in refused:
            refused[one] = _reason_for(one, order, views, results)
    return Alignment(order, _between_photos(views, order, to_plane), refused)


def _find_copies(views, results):
    """Returns of which earlier photo each copy is one."""
    copies = {}
    for (first, second), result in results.items():
        if first not in copies and _is_copy(views[first], views[second], result):
            copies[second] = Refusal(SAME, other=first)
    return copies


def _is_copy(first, second, result):
    if isinstance(result, Refusal):  # patterns without end do not even match themselves
        return np.array_equal(first.grey, second.grey)
    mapped = apply_homography(result.homography, corners_of(*second.grey.shape))
    return np.abs(mapped - corners_of(*first.grey.shape)).max() < _SAME_PIXELS


def _largest_tree(pairs, num_views, left_out):
    """Returns the largest group of connected photos, and the tree of its best pairs.

    Returns:
        The group's members, each after its parent, beginning with the one in the tree's middle; and for each
        but this one its parent.
    """
    graph = np.zeros([num_views, num_views])
    for (first, second), pair in pairs.items():
        graph[first, second] = 1 / len(pair.weights)
    _, groups = csgraph.connected_components(graph, directed=False)
    sizes = np.bincount(groups)[groups]
    sizes[left_out] = 0
    members = np.flatnonzero(groups == groups[sizes.argmax()])
    tree = csgraph.minimum_spanning_tree(graph)
    steps = csgraph.shortest_path(tree, directed=False, unweighted=True)[np.ix_(members, members)]
    root = members[steps.max(axis=1).argmin()]
    order, parents = csgraph.breadth_first_order(tree, root, directed=False)
    return order.tolist(), {one: int(parents[one]) for one in order[1:].tolist()}


def _along_tree(pairs, order, parents):
    """Returns for each photo the homography to the first of the order."""
    to_plane = {order[0]: np.eye(3)}
    for one in order[1:]:
        parent = parents[one]
        if (parent, one) in pairs:
            step = pairs[parent, one].homography
        else:
            step = np.linalg.inv(pairs[one, parent].homography)
        to_plane[one] = to_plane[parent] @ step
    return to_plane


def _refine(views, pairs, order, to_plane):
    """Refines all homographies at once, so that all pairs fit and not only those of the tree."""
    used = [
        (key, _points_of_overlap(views[key[0]], views[key[1]], pair.homography))
        for key, pair in pairs.items()
        if set(key) <= set(order)
    ]
    if len(used) < len(order):
        return to_plane  # all pairs are the tree's
    place = {one: index for index, one in enumerate(order[1:])}
    # Numbers of about 1 make the fit exact.
    shrink = {one: np.diag([*[float(max(views[one].grey.shape))] * 2, 1.0]) for one in order}
    starts = [_normal(to_plane[one] @ shrink[one]).ravel()[:8] for one in order[1:]]

    def residuals(values):
        matrices = {order[0]: shrink[order[0]]}
        for one, index in place.items():
            matrices[one] = np.append(values[8 * index : 8 * index + 8], 1).reshape(3, 3)
        matrices = {one: matrix @ np.linalg.inv(shrink[one]) for one, matrix in matrices.items()}
        parts = []
        for (first, second), (first_points, second_points) in used:
            difference = apply_homography(matrices[first], first_points) - apply_homography(
                matrices[second], second_points
            )
            parts.append(difference.ravel())
        return np.concatenate(parts)

    num_rows = [points[0].size for _, points in used]
    sparsity = sparse.lil_matrix((sum(num_rows), 8 * len(place)), dtype=bool)
    for (key, _), end, size in zip(used, np.cumsum(num_rows), num_rows, strict=True):
        for one in set(key) & place.keys():
            sparsity[end - size : end, 8 * place[one] : 8 * place[one] + 8] = True
    solution = optimize.least_squares(
        residuals,
        np.concatenate(starts),
        jac_sparsity=sparsity,
        loss="soft_l1",
        f_scale=_SOFT_PIXELS,
        x_scale="jac",
    ).x
    refined = {
        one: np.append(solution[8 * index : 8 * index + 8], 1).reshape(3, 3) @ np.linalg.inv(shrink[one])
        for one, index in place.items()
    }
    return {order[0]: np.eye(3), **refined}


def _points_of_overlap(first, second, homography):
    """Returns points on a grid over the overlap of two views, as the first and as the second has them."""
    height, width = first.grey.shape
    mapped = apply_homography(homography, corners_of(*second.grey.shape))
    low = np.maximum(mapped.min(axis=0), 0)
    high = np.minimum(mapped.max(axis=0), [width - 1, height - 1])
    x, y = (np.linspace(*ends, _GRID_POINTS) for ends in zip(low, high, strict=True))
    first_points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    second_points = apply_homography(np.linalg.inv(homography), first_points)
    is_shared = ((second_points >= 0) & (second_points < second.grey.shape[::-1])).all(axis=1)
    return first_points[is_shared], second_points[is_shared]


def _normal(homography):
    return homography / homography[2, 2]


def _between_photos(views, order, to_plane):
    """Returns the homographies between the photos instead of between their views."""
    first = views[order[0]].to_photo
    return np.stack([_normal(first @ to_plane[one] @ np.linalg.inv(views[one].to_photo)) for one in order])


def _reason_for(one, order, views, results):
    """Returns why a photo does not belong to the group, by the photo of it that comes nearest."""
    refusals = [
        result
        for key, result in results.items()
        if one in key and set(key) & set(order) and isinstance(result, Refusal)
    ]
    nearest = max(refusals, key=lambda refusal: refusal.num_points, default=Refusal(NOTHING_IN_COMMON))
    mirrored = mirror_view(views[one])
    if any(isinstance(match(views[other], mirrored), Pair) for other in order):
        return Refusal(MIRRORED)
    return nearest
