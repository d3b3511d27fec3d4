"""Frechet distance between two sets of feature vectors.

Sources:
    [FID] Heusel et al. 2017, arXiv 1706.08500, eq. 6. Only on the features of one particular Inception
    network is it called FID; on any other extractor it is a Frechet distance on that extractor.
"""

import numpy as np

from training.evaluation.measures.bootstrap import bootstrap_interval

# Evaluations with fewer are warned about: the upward bias is then large against good generators' distances.
MIN_SAMPLES = 2048
# Resamples of features up to `LONG_FEATURES` and of longer ones, whose eigenvalues take seconds per resample.
NUM_RESAMPLES, NUM_RESAMPLES_OF_LONG_FEATURES = 100, 20
LONG_FEATURES = 512


def frechet_distance(features, other_features) -> float:
    """Returns the Frechet distance between the Gaussians with the two sets' means and covariances.

    Args:
        features: float array `[N, D]`, N at least 2.
        other_features: float array `[M, D]`, M at least 2.

    Returns:
        `|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))`, not negative, in squared units of the features. It is
        biased upwards for few samples: compare only distances with equal sample counts.

    Raises:
        ValueError: A set has fewer than two vectors, or the lengths differ.

    Example:

    Two sets with equal covariances whose means are 3 apart:

    >>> square = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> round(frechet_distance(square, square + [3.0, 0.0]), 6)
    9.0
    """
    features, other_features = np.asarray(features, "float64"), np.asarray(other_features, "float64")
    if min(len(features), len(other_features)) < 2 or features.shape[1:] != other_features.shape[1:]:
        raise ValueError(
            "A Frechet distance needs two sets of at least two vectors of equal length. Received: shapes "
            f"{features.shape} and {other_features.shape}."
        )
    mean_difference = features.mean(axis=0) - other_features.mean(axis=0)
    covariance = np.atleast_2d(np.cov(features, rowvar=False))
    other_covariance = np.atleast_2d(np.cov(other_features, rowvar=False))
    # tr (C1 C2)^(1/2) = tr (L^T C2 L)^(1/2) with C1 = L L^T, and that matrix is symmetric.
    factor = _factor(covariance)
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(factor.T @ other_covariance @ factor), 0.0)).sum()
    distance = mean_difference @ mean_difference + np.trace(covariance + other_covariance) - 2.0 * cross
    return float(max(distance, 0.0))


def _factor(covariance: np.ndarray) -> np.ndarray:
    """Returns L with `L L^T` equal to the covariance."""
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:  # singular: constant or dependent features
        values, vectors = np.linalg.eigh(covariance)
        return vectors * np.sqrt(np.maximum(values, 0.0))


def frechet_distance_interval(features, other_features, seed: int = 0) -> tuple[float, float] | None:
    """Returns the 95 % interval of `frechet_distance` by resampling both sets.

    Draws 100 resamples, or 20 for features longer than 512. A resample is less varied than its set, which
    adds the distance's upward bias a second time. The interval is therefore shifted by the difference between
    the distance and the resamples' mean.

    Args:
        features: float array `[N, D]`.
        other_features: float array `[M, D]`.
        seed: The same seed gives the same interval.

    Returns:
        Low and high in squared units of the features, not negative; None if N or M is 1.
    """
    num_resamples = (
        NUM_RESAMPLES if np.shape(features)[1] <= LONG_FEATURES else NUM_RESAMPLES_OF_LONG_FEATURES
    )
    interval = bootstrap_interval(
        frechet_distance,
        features,
        other_features,
        num_resamples=num_resamples,
        seed=seed,
        centre=frechet_distance(features, other_features),
    )
    return None if interval is None else (max(interval[0], 0.0), interval[1])
