"""How sure a figure is: intervals from resampling what it was measured on.

Sources:
    [Bootstrap] Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapters 10 and 13.
"""

from collections.abc import Callable

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
NUM_MEAN_RESAMPLES = 1000


def bootstrap_interval(
    statistic: Callable[..., float], *samples, num_resamples: int, seed: int = 0, centre: float | None = None
) -> tuple[float, float] | None:
    """Returns the percentile interval ([Bootstrap] section 13.3) of a statistic.

    Args:
        statistic: Takes arrays like `samples` and returns a number.
        *samples: Arrays whose rows are drawn with replacement, each array by itself.
        num_resamples: How often. 20 give a rough interval, 200 a usable one.
        seed: The same seed gives the same interval.
        centre: The statistic of the samples themselves, where resampling shifts it (a drawn set holds rows
            twice, which to a distance of distributions looks like less variety): the resamples are moved by
            the difference of their mean to it ([Bootstrap] section 10.2), or else the interval of a small
            distance would not contain it.

    Returns:
        Low and high, with 95 % between them; None of a single row, which says nothing of how rows vary.

    Example:

    >>> bootstrap_interval(np.mean, np.array([3.0, 3.0, 3.0]), num_resamples=20)
    (3.0, 3.0)
    """
    samples = [np.asarray(sample) for sample in samples]
    if min(map(len, samples)) < 2:
        return None
    found = stats.bootstrap(
        [np.arange(len(sample)) for sample in samples],
        lambda *rows: statistic(*(sample[drawn] for sample, drawn in zip(samples, rows, strict=True))),
        n_resamples=num_resamples,
        batch=1,  # resamples of features are too large to hold them all
        vectorized=False,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=seed,
    )
    shift = 0.0 if centre is None else centre - found.bootstrap_distribution.mean()
    low, high = found.confidence_interval
    return float(low + shift), float(high + shift)


def percentile_interval(values) -> tuple[float, float]:
    """Returns what 95 % of the values lie between.

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
        values: float array `[N]`, one value a picture.
        seed: The same seed gives the same interval.

    Returns:
        Low and high, with 95 % between them; None of a single value.

    Example:

    >>> low, high = mean_interval([0.0, 1.0] * 50)
    >>> low < 0.5 < high
    True
    """
    values = np.asarray(values, "float64")
    return bootstrap_interval(np.mean, values, num_resamples=NUM_MEAN_RESAMPLES, seed=seed)
