"""Precision, recall, density and coverage of generated pictures, by nearest neighbours in feature space.

Sources:
    [PR] Kynkaanniemi et al. 2019, arXiv 1904.06991: improved precision and recall.
    [DC] Naeem et al. 2020, arXiv 2002.09797: density and coverage, k = 5.
"""

import dataclasses

import numpy as np

from training.evaluation.measures.feature_distances import distance_blocks, neighbour_distances

NUM_NEIGHBOURS = 5


@dataclasses.dataclass(frozen=True)
class PRDC:
    """The four measures, as one value per picture; each measure is the mean of its values.

    A picture's neighbourhood reaches to its k-th nearest neighbour in its own set.

    Args:
        precision: float64 `[M]`, 1 where a generated picture lies in a real picture's neighbourhood: the
            share of generated pictures that look real.
        recall: float64 `[N]`, 1 where a real picture lies in a generated picture's neighbourhood: the share
            of real variety that is generated.
        density: float64 `[M]`, the number of real neighbourhoods that hold a generated picture, divided by k;
            may exceed 1.
        coverage: float64 `[N]`, 1 where a real picture's neighbourhood holds a generated picture.
    """

    precision: np.ndarray
    recall: np.ndarray
    density: np.ndarray
    coverage: np.ndarray


def prdc(real_features, generated_features, num_neighbours: int = NUM_NEIGHBOURS) -> PRDC:
    """Compares two sets of features.

    Args:
        real_features: float array `[N, D]`, N above `num_neighbours`.
        generated_features: float array `[M, D]`, M above `num_neighbours`.
        num_neighbours: k.

    Returns:
        The four measures ([DC] eq. 1 to 4). Compare only measures with equal sample counts.

    Raises:
        ValueError: A set has too few vectors.

    Example:

    With k = 1, the neighbourhoods of the real points 0, 1 and 3 have radii 1, 1 and 2, and those of the
    generated points 0.5, 9 and 10 have radii 8.5, 1 and 1.

    >>> found = prdc([[0.0], [1.0], [3.0]], [[0.5], [9.0], [10.0]], num_neighbours=1)
    >>> found.precision.tolist(), found.recall.tolist()
    ([1.0, 0.0, 0.0], [1.0, 1.0, 1.0])
    >>> found.density.tolist(), found.coverage.tolist()
    ([2.0, 0.0, 0.0], [1.0, 1.0, 0.0])
    """
    real_radii = neighbour_distances(real_features, num_neighbours)
    generated_radii = neighbour_distances(generated_features, num_neighbours)
    num_hits = np.zeros(len(generated_features))
    recall, coverage = np.zeros(len(real_features)), np.zeros(len(real_features))
    start = 0
    for distances in distance_blocks(real_features, generated_features):
        rows = slice(start, start + len(distances))
        start = rows.stop
        num_hits += (distances < real_radii[rows, None]).sum(axis=0)
        recall[rows] = (distances < generated_radii).any(axis=1)
        coverage[rows] = distances.min(axis=1) < real_radii[rows]
    return PRDC(
        precision=(num_hits > 0).astype("float64"),
        recall=recall,
        density=num_hits / num_neighbours,
        coverage=coverage,
    )
