"""Euclidean distances between feature vectors, and the diversity measures based on them."""

from collections.abc import Iterator

import numpy as np
from sklearn import metrics, neighbors

# The distances between 10,000 and 10,000 rows would take 800.
_BLOCK_MIB = 100


def distance_blocks(features, other_features) -> Iterator[np.ndarray]:
    """Yields the distances from every row to every other row, in blocks of rows of 100 MiB.

    Args:
        features: float array `[N, D]`.
        other_features: float array `[M, D]`; pass `features` itself for distances within a set, in which each
            row is at distance 0 from itself.

    Yields:
        float64 array `[B, M]`, the distances of the next B of the N rows.

    Example:

    >>> [block.tolist() for block in distance_blocks([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]])]
    [[[5.0, 1.0]]]
    """
    rows = np.asarray(features, "float64")
    other_rows = rows if other_features is features else np.asarray(other_features, "float64")
    yield from metrics.pairwise_distances_chunked(rows, other_rows, working_memory=_BLOCK_MIB)


def nearest_rows(features, other_features, num_neighbours: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Finds each row's nearest neighbours among other rows.

    Args:
        features: float array `[N, D]`.
        other_features: float array `[M, D]`, M at least `num_neighbours`.
        num_neighbours: Number of neighbours per row.

    Returns:
        int64 array `[N, num_neighbours]` of row numbers in `other_features`, nearest first, and float64 array
        `[N, num_neighbours]` of distances.

    Example:

    >>> rows, distances = nearest_rows([[0.0], [9.0]], [[1.0], [7.0]])
    >>> rows.tolist(), distances.tolist()
    ([[0], [1]], [[1.0], [2.0]])
    """
    others = neighbors.NearestNeighbors(n_neighbors=num_neighbours, algorithm="brute")
    others.fit(np.asarray(other_features, "float64"))
    distances, rows = others.kneighbors(np.asarray(features, "float64"))
    return rows, distances


def neighbour_distances(features, num_neighbours: int) -> np.ndarray:
    """Returns each row's distance to its k-th nearest neighbour in the same set.

    Args:
        features: float array `[N, D]`, N above `num_neighbours`.
        num_neighbours: k, not counting the row itself.

    Returns:
        float64 array `[N]`.

    Raises:
        ValueError: There are too few rows.

    Example:

    >>> neighbour_distances([[0.0], [1.0], [3.0]], 1).tolist()
    [1.0, 1.0, 2.0]
    """
    if len(features) <= num_neighbours:
        raise ValueError(
            f"There must be more than {num_neighbours} pictures, because each is measured against its "
            f"{num_neighbours}-th nearest neighbour. Received: {len(features)}. Score more pictures."
        )
    # Computed by `distance_blocks`, because its distances are compared with these and must be rounded alike.
    # Index 0 is the row itself.
    return np.concatenate(
        [
            np.partition(block, num_neighbours, axis=1)[:, num_neighbours]
            for block in distance_blocks(features, features)
        ]
    )


def mean_pairwise_distance(features) -> float:
    """Returns the mean Euclidean distance over all pairs of different rows, in units of the features.

    Args:
        features: float array `[N, D]`, N at least 2.

    Raises:
        ValueError: There are fewer than two rows.

    Example:

    Sides 3, 4 and 5:

    >>> mean_pairwise_distance([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]])
    4.0
    """
    num_rows = len(features)
    if num_rows < 2:
        raise ValueError(
            f"There must be at least two pictures to form pairs. Received: {num_rows}. Score more pictures."
        )
    total = sum(block.sum() for block in distance_blocks(features, features))
    return float(total / (num_rows * (num_rows - 1)))


def mean_distance_within_values(features, value_ids) -> float:
    """Returns the mean of `mean_pairwise_distance` over an attribute's values: the diversity within a kind.

    Args:
        features: float array `[N, D]`.
        value_ids: integer array `[N]`; rows with negative ids and values with a single row are left out.

    Raises:
        ValueError: No value has two rows.

    Example:

    >>> mean_distance_within_values([[0.0], [2.0], [100.0], [104.0]], [0, 0, 1, 1])
    3.0
    """
    features, value_ids = np.asarray(features), np.asarray(value_ids)
    values, counts = np.unique(value_ids[value_ids >= 0], return_counts=True)
    distances = [mean_pairwise_distance(features[value_ids == value]) for value in values[counts > 1]]
    if not distances:
        raise ValueError(
            "At least one value must have two pictures to form pairs. Received: none with two. Score more "
            "pictures."
        )
    return float(np.mean(distances))
