"""Retries: which errors to retry, how long to pause, and when to give up.

Sends nothing and does not sleep: a generator yields the next step, and a synchronous or asynchronous client
performs it.
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
    """A request for the client to send; the response or failure goes back into the generator."""

    request: Any
    timeout_seconds: float


@dataclass(frozen=True)
class Pause:
    """A pause for the client to make before the next attempt."""

    seconds: float


Steps = Generator[Attempt | Pause, Any, Any]


def attempts(request: Any, max_retries: int, deadline: float) -> Steps:
    """Yields attempts and pauses until the request is answered, and returns the response.

    Args:
        request: The request, in any form that the client can send.
        max_retries: Number of attempts after the first.
        deadline: Value of `time.monotonic` by which the response must arrive.

    Raises:
        PredictionError: The last refusal, or one that retrying cannot change.
        ServerUnreachableError: The server stays unreachable.
        TlsError: No trusted connection can be made.
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
    # Random, so that clients that failed together do not retry together.
    return min(FIRST_PAUSE_SECONDS * 2**retry, MAX_PAUSE_SECONDS) * random.uniform(0.5, 1.0)


def _may_pass(failure: Exception) -> bool:
    if isinstance(failure, PredictionError):
        return failure.http_status == Unavailable.http_status
    return isinstance(failure, ServerUnreachableError)
