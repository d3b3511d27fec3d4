"""Handles SIGTERM and SIGINT, the two signals that tell a server to stop."""

import contextlib
import signal


@contextlib.contextmanager
def handled(stop):
    """Calls a function on either signal instead of the process's previous handler.

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
