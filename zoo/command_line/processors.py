"""Counts the processors that this process may use."""

import os


def usable_processors() -> int:
    """Returns their number; it respects containers and `taskset` where the system reports them.

    Example:

    >>> usable_processors() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
