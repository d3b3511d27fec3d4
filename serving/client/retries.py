"""Asking again: which errors pass, how long to wait, and when to give up.

Nothing here waits or sends: a generator says what to do next, and a client does it with or without `await`.
"""

import itertools
import random
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from serving.client.errors import PredictionError, ServerUnreachableError, TlsError
from serving.wire.status import Unavailable

FIRST_PAUSE_SECONDS = 0.25
MAX_PAUSE_SECONDS = 8.0
FAILURES = (PredictionError, ServerUnreachableError, TlsError)


@dataclass(frozen=True)
class Attempt:
    """To be sent; its answer, or the failure, goes back into the generator."""

    request: Any
    timeout_seconds: float


@dataclass(frozen=True)
class Pause:
    """To be waited."""

    seconds: float


Steps = Generator[Attempt | Pause, Any, Any]


def attempts(request: Any, max_retries: int, deadline: float) -> Steps:
    """Says how to ask a request until it is answered; returns the answer.

    Args:
        request: Whatever the client sends.
        max_retries: Tries after the first.
        deadline: Time of `time.monotonic` at which the answer comes too late.

    Raises:
        PredictionError: The last answer, or one that a further try does not change.
        ServerUnreachableError: The server does not come back in time.
        TlsError: There is no trusted connection.
    """
    for retry in itertools.count():
        try:
            return (yield Attempt(request, max(deadline - time.monotonic(), 0.001)))
        except FAILURES as failure:
            pause_seconds = _pause_seconds(retry)
            is_late = time.monotonic() + pause_seconds >= deadline
            if retry == max_retries or is_late or not _may_pass(failure):
                raise
        yield Pause(pause_seconds)


def _pause_seconds(retry: int) -> float:
    # Clients that failed together must not come back together.
    return min(FIRST_PAUSE_SECONDS * 2**retry, MAX_PAUSE_SECONDS) * random.uniform(0.5, 1.0)


def _may_pass(failure: Exception) -> bool:
    if isinstance(failure, PredictionError):
        return failure.http_status == Unavailable.http_status
    return isinstance(failure, ServerUnreachableError)
