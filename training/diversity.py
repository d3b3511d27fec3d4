"""How different pictures are from each other.

Nearest training pictures, which show whether a generator repeats what it has seen, are
`feature_distances.nearest_rows`.
"""

import numpy as np

from training.feature_distances import distance_blocks


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
