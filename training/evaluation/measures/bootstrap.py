"""Confidence intervals of scores, by resampling the pictures they were measured on.

Sources:
    [Bootstrap] Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapters 10 and 13.
"""

from collections.abc import Callable

import numpy as np
from scipy import stats

from training.runs.score import Score

CONFIDENCE = 0.95
NUM_MEAN_RESAMPLES = 1000


def bootstrap_interval(
    statistic: Callable[..., float], *samples, num_resamples: int, seed: int = 0, centre: float | None = None
) -> tuple[float, float] | None:
    """Returns a statistic's percentile interval ([Bootstrap] section 13.3).

    Args:
        statistic: Takes arrays like `samples` and returns a number.
        *samples: Arrays whose rows are drawn with replacement, independently for each array.
        num_resamples: Number of resamples. 20 give a rough interval, 200 a usable one.
        seed: The same seed gives the same interval.
        centre: The statistic of the samples themselves, if resampling biases it: a resample holds duplicate
            rows, which a distance between distributions takes for less variety. The interval is shifted by
            the difference between `centre` and the resamples' mean ([Bootstrap] section 10.2), without which
            the interval of a small distance would not contain that distance.

    Returns:
        The ends of the 95 % interval, low and high; None for a single row, which has no variation to measure.

    Example:

    >>> bootstrap_interval(np.mean, np.array([3.0, 3.0, 3.0]), num_resamples=20)
    (3.0, 3.0)
    """
    arrays = [np.asarray(sample) for sample in samples]
    if min(map(len, arrays)) < 2:
        return None
    found = stats.bootstrap(
        [np.arange(len(array)) for array in arrays],
        lambda *rows: statistic(*(array[drawn] for array, drawn in zip(arrays, rows, strict=True))),
        n_resamples=num_resamples,
        batch=1,  # resamples of features are too large to hold all of them at once
        vectorized=False,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=seed,
    )
    shift = 0.0 if centre is None else centre - found.bootstrap_distribution.mean()
    low, high = found.confidence_interval
    return float(low + shift), float(high + shift)


def percentile_interval(values) -> tuple[float, float]:
    """Returns the ends of the interval that holds the middle 95 % of the values.

    Example:

    >>> [round(side, 6) for side in percentile_interval(np.arange(0, 201))]
    [5.0, 195.0]
    """
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(np.asarray(values, "float64"), [tail, 1.0 - tail])
    return float(low), float(high)


def mean_interval(values, seed: int = 0) -> tuple[float, float] | None:
    """Returns the percentile interval of a mean, from `NUM_MEAN_RESAMPLES` resamples.

    Args:
        values: float array `[N]`, one value per picture.
        seed: The same seed gives the same interval.

    Returns:
        The ends of the 95 % interval, low and high; None for a single value.

    Example:

    >>> low, high = mean_interval([0.0, 1.0] * 50)
    >>> low < 0.5 < high
    True
    """
    values = np.asarray(values, "float64")
    return bootstrap_interval(np.mean, values, num_resamples=NUM_MEAN_RESAMPLES, seed=seed)


def mean_score(values, unit: str, measured_with: str) -> Score:
    """Returns the mean of values, float `[N]`, as a score with its interval.

    Example:

    >>> mean_score([1.0, 3.0], "dB", "luma").value
    2.0
    """
    values = np.asarray(values)
    return Score(float(values.mean()), unit, len(values), measured_with, mean_interval(values))
