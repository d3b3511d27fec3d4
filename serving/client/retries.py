"""Retries: which failures to retry, how long to pause, and when to give up."""

import time
from typing import Any, TypeVar

import tenacity

from serving.client.errors import PredictionError, ServerUnreachableError
from serving.wire.status import Unavailable

# Pauses are random, so that clients that failed together do not retry together: between nothing and this,
# which doubles from pause to pause.
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 8.0

_Retrying = TypeVar("_Retrying", tenacity.Retrying, tenacity.AsyncRetrying)


def make_retrying(retrying_class: type[_Retrying], max_retries: int, deadline: float) -> _Retrying:
    """Makes the caller that sends a request until it is answered.

    Args:
        retrying_class: `tenacity.Retrying`, or `tenacity.AsyncRetrying` for coroutines.
        max_retries: Number of attempts after the first.
        deadline: Value of `time.monotonic` by which the response must arrive; no attempt begins after it.

    Returns:
        A callable that takes a function and its arguments. It returns the function's result, or raises the
        last failure, or one that retrying cannot change.

    Example:

    ```python
    retrying = make_retrying(tenacity.Retrying, max_retries=3, deadline=time.monotonic() + 30)
    response = retrying(send, request)
    ```
    """
    return retrying_class(
        retry=tenacity.retry_if_exception(_may_pass),
        wait=tenacity.wait_random_exponential(multiplier=FIRST_PAUSE_SECONDS, max=MAX_PAUSE_SECONDS),
        stop=tenacity.stop_after_attempt(1 + max_retries)
        | tenacity.stop_before_delay(deadline - time.monotonic()),
        reraise=True,
    )


def seconds_until(deadline: float) -> float:
    """Returns the time limit of one attempt: what is left, but never nothing, which would mean no limit."""
    return max(deadline - time.monotonic(), 0.001)


def _may_pass(failure: Any) -> bool:
    if isinstance(failure, PredictionError):
        return failure.http_status == Unavailable.http_status
    return isinstance(failure, ServerUnreachableError)
