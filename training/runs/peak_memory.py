"""Reads the peak memory of this process."""

import sys


def peak_memory_bytes() -> int | None:
    """Returns this process's peak resident memory in bytes; None if the system does not report it."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024
