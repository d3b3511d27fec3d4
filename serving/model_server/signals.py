"""SIGTERM and SIGINT: the two ways in which a server is told to stop."""

import contextlib
import signal


@contextlib.contextmanager
def handled(stop):
    """Calls a function for each of the two signals, in place of what the process does otherwise.

    Args:
        stop: Takes no arguments; runs between two instructions of the main thread.
    """
    numbers = (signal.SIGTERM, signal.SIGINT)
    previous = {number: signal.signal(number, lambda number, frame: stop()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
