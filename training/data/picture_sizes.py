"""Summarises picture sizes."""

from collections.abc import Mapping

import numpy as np

_BOUNDS = (0, *(2**power for power in range(5, 13)))


def summarise_sizes(sizes: Mapping[tuple[int, int], int]) -> dict:
    """Summarises picture sizes by their shorter side.

    Args:
        sizes: Number of pictures by height and width in pixels; at least one entry.

    Returns:
        A dict that can be written as JSON: `num_sizes` (of distinct sizes), `smallest`, `median` and
        `largest` shorter side in pixels, `size` (`[height, width]` if all are equal, else None) and `bins`, a
        list of `[from, to, pictures]` with sides in pixels, both ends included; `to` may be None for the
        largest pictures.

    Example:

    >>> summary = summarise_sizes({(500, 400): 3, (30, 90): 1})
    >>> summary["median"], summary["bins"]
    (400, [[0, 31, 1], [256, 511, 3]])
    """
    shorter = np.array([min(size) for size in sizes])
    counts = np.array(list(sizes.values()))
    order = shorter.argsort()
    middle = order[np.searchsorted(counts[order].cumsum(), (counts.sum() + 1) // 2)]
    numbers, _ = np.histogram(shorter, (*_BOUNDS, np.inf), weights=counts)
    bins = [
        [low, high - 1 if high else None, int(number)]
        for low, high, number in zip(_BOUNDS, (*_BOUNDS[1:], None), numbers, strict=True)
        if number
    ]
    return {
        "num_sizes": len(sizes),
        "smallest": int(shorter.min()),
        "median": int(shorter[middle]),
        "largest": int(shorter.max()),
        "size": [int(side) for side in next(iter(sizes))] if len(sizes) == 1 else None,
        "bins": bins,
    }
