"""Euclidean distances between many feature vectors, in blocks of rows, and the diversity they show."""

from collections.abc import Iterator

import numpy as np

_BLOCK_ROWS = 1000


def distance_blocks(features, other_features) -> Iterator[tuple[int, np.ndarray]]:
    """Yields the distances of a block of rows to every other row; 10,000 to 10,000 take 120 MB.

    Args:
        features: float array `[N, D]`.
        other_features: float array `[M, D]`.

    Yields:
        Number of the block's first row, and float64 array `[B, M]`.

    Example:

    >>> [block.tolist() for _, block in distance_blocks([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]])]
    [[[5.0, 1.0]]]
    """
    features, other_features = np.asarray(features, "float64"), np.asarray(other_features, "float64")
    other_squares = np.square(other_features).sum(axis=1)
    for start in range(0, len(features), _BLOCK_ROWS):
        block = features[start : start + _BLOCK_ROWS]
        squares = block @ other_features.T
        squares *= -2.0
        squares += np.square(block).sum(axis=1)[:, None]
        squares += other_squares
        yield start, np.sqrt(np.maximum(squares, 0.0, out=squares), out=squares)


def nearest_rows(features, other_features) -> tuple[np.ndarray, np.ndarray]:
    """Finds for each row the nearest of other rows.

    Args:
        features: float array `[N, D]`.
        other_features: float array `[M, D]`.

    Returns:
        int64 array `[N]` of row numbers in `other_features`, and float64 array `[N]` of distances.

    Example:

    >>> nearest_rows([[0.0], [9.0]], [[1.0], [7.0]])
    (array([0, 1]), array([1., 2.]))
    """
    indices, distances = [], []
    for _, block in distance_blocks(features, other_features):
        nearest = block.argmin(axis=1)
        indices.append(nearest)
        distances.append(np.take_along_axis(block, nearest[:, None], axis=1)[:, 0])
    return np.concatenate(indices), np.concatenate(distances)


def neighbour_distances(features, num_neighbours: int) -> np.ndarray:
    """Returns for each row how far its k-th nearest neighbour in the same set is.

    Args:
        features: float array `[N, D]`, N above `num_neighbours`.
        num_neighbours: k; the row itself does not count.

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
            f"There must be more than {num_neighbours} pictures, because the distance to the "
            f"{num_neighbours}-th nearest other one is needed. Received: {len(features)}. Score more samples."
        )
    radii = []
    for start, block in distance_blocks(features, features):
        # Rounding may leave a row a little away from itself, and equal rows at no distance: by place.
        rows = np.arange(len(block))
        block[rows, start + rows] = -1.0
        radii.append(np.partition(block, num_neighbours, axis=1)[:, num_neighbours])
    return np.concatenate(radii)


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
        raise ValueError(f"Pairs are made of at least two pictures. Received: {num_rows}.")
    total = 0.0
    for start, block in distance_blocks(features, features):
        rows = np.arange(len(block))
        block[rows, start + rows] = 0.0
        total += block.sum()
    return float(total / (num_rows * (num_rows - 1)))


def mean_distance_within_values(features, value_ids) -> float:
    """Returns the mean of `mean_pairwise_distance` over the values of an attribute: variety within a kind.

    Args:
        features: float array `[N, D]`.
        value_ids: integer array `[N]`; rows below 0 and values with a single row are left out.

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
        raise ValueError("At least one value must have two pictures. Received: none that has.")
    return float(np.mean(distances))
