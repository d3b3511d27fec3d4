"""The methods that every client has, over either protocol, synchronous or asynchronous."""

import abc
import asyncio
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, Self

import numpy as np

from serving.client.descriptions import SignatureDescription
from serving.client.options import ClientOptions, check_timeout
from serving.client.retries import FAILURES, Attempt, Pause, Steps, attempts
from serving.wire.server_defaults import DEFAULT_SIGNATURE

Ask = Callable[[object], Steps]
Inputs = Mapping[str, np.ndarray | Sequence[Any]]


class Calls(Protocol):
    """A protocol's calls: each builds requests, sends them with `ask` and parses the responses.

    `ask` is a generator to delegate to: `answer = yield from ask(request)`.
    """

    def predict(
        self,
        ask: Ask,
        model_name: str,
        inputs: Inputs,
        signature_name: str,
        version: int | None,
        version_label: str | None,
        output_filter: Sequence[str],
    ) -> Steps: ...

    def signatures(
        self, ask: Ask, model_name: str, version: int | None, version_label: str | None
    ) -> Steps: ...

    def status(self, ask: Ask, model_name: str) -> Steps: ...


class _AnyClient:
    def __init__(self, address: str, calls: Calls, options: ClientOptions):
        options.check_address(address)
        self.address = address
        self.options = options
        self._calls = calls

    def _ask(self, timeout_seconds: float | None) -> Ask:
        if timeout_seconds is None:
            timeout_seconds = self.options.timeout_seconds
        check_timeout(timeout_seconds)
        deadline = time.monotonic() + timeout_seconds
        return functools.partial(attempts, max_retries=self.options.max_retries, deadline=deadline)


class Client(_AnyClient, abc.ABC):
    """A synchronous client's methods. Threads may share one client.

    Subclasses implement `_send(request, timeout_seconds)`, which sends a request and returns its response.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @abc.abstractmethod
    def close(self) -> None:
        """Closes the connection."""

    @abc.abstractmethod
    def _send(self, request: Any, timeout_seconds: float) -> Any: ...

    def predict(
        self,
        model_name: str,
        inputs: Inputs,
        signature_name: str = DEFAULT_SIGNATURE,
        version: int | None = None,
        version_label: str | None = None,
        output_filter: Sequence[str] = (),
        timeout_seconds: float | None = None,
    ) -> dict[str, np.ndarray]:
        """Calls a signature and returns its outputs by name, strings as `bytes` in `object` arrays.

        Args:
            model_name: Name of the model.
            inputs: Input name to an array of the signature's dtype, or to a nested list, whose integers
                become int64 and whose decimals become float32.
            signature_name: Name of the signature.
            version: Version number; the highest available version by default.
            version_label: A label such as `"stable"`, instead of a version number.
            output_filter: Names of the outputs to return; all by default. gRPC only.
            timeout_seconds: Time limit of this call; the client's own by default.

        Raises:
            RowError: The model reports an error for some rows.
        """
        call = self._calls.predict(
            self._ask(timeout_seconds),
            model_name,
            inputs,
            signature_name,
            version,
            version_label,
            output_filter,
        )
        return self._run(call)

    def signatures(
        self,
        model_name: str,
        version: int | None = None,
        version_label: str | None = None,
        timeout_seconds: float | None = None,
    ) -> dict[str, SignatureDescription]:
        """Returns the signatures of a model, by name."""
        return self._run(
            self._calls.signatures(self._ask(timeout_seconds), model_name, version, version_label)
        )

    def status(self, model_name: str, timeout_seconds: float | None = None) -> dict[int, str]:
        """Returns the state of each version of a model, newest first, e.g. `{1: "AVAILABLE"}`."""
        return self._run(self._calls.status(self._ask(timeout_seconds), model_name))

    def _run(self, steps: Steps) -> Any:
        answer = failure = None
        while True:
            try:
                step = steps.throw(failure) if failure else steps.send(answer)
            except StopIteration as finished:
                return finished.value
            answer = failure = None
            try:
                answer = self._do(step)
            except FAILURES as error:
                failure = error

    def _do(self, step: Attempt | Pause) -> Any:
        if isinstance(step, Pause):
            return time.sleep(step.seconds)
        return self._send(step.request, step.timeout_seconds)


class AsyncClient(_AnyClient, abc.ABC):
    """`Client`'s methods as coroutines. Create it inside the coroutine that uses it.

    Subclasses implement the coroutine `_send(request, timeout_seconds)`.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    @abc.abstractmethod
    async def close(self) -> None:
        """Closes the connection."""

    @abc.abstractmethod
    async def _send(self, request: Any, timeout_seconds: float) -> Any: ...

    async def predict(
        self,
        model_name: str,
        inputs: Inputs,
        signature_name: str = DEFAULT_SIGNATURE,
        version: int | None = None,
        version_label: str | None = None,
        output_filter: Sequence[str] = (),
        timeout_seconds: float | None = None,
    ) -> dict[str, np.ndarray]:
        """Calls a signature and returns its outputs by name; see `Client.predict`."""
        call = self._calls.predict(
            self._ask(timeout_seconds),
            model_name,
            inputs,
            signature_name,
            version,
            version_label,
            output_filter,
        )
        return await self._run(call)

    async def signatures(
        self,
        model_name: str,
        version: int | None = None,
        version_label: str | None = None,
        timeout_seconds: float | None = None,
    ) -> dict[str, SignatureDescription]:
        """Returns the signatures of a model, by name."""
        return await self._run(
            self._calls.signatures(self._ask(timeout_seconds), model_name, version, version_label)
        )

    async def status(self, model_name: str, timeout_seconds: float | None = None) -> dict[int, str]:
        """Returns the state of each version of a model, newest first, e.g. `{1: "AVAILABLE"}`."""
        return await self._run(self._calls.status(self._ask(timeout_seconds), model_name))

    async def _run(self, steps: Steps) -> Any:
        answer = failure = None
        while True:
            try:
                step = steps.throw(failure) if failure else steps.send(answer)
            except StopIteration as finished:
                return finished.value
            answer = failure = None
            try:
                answer = await self._do(step)
            except FAILURES as error:
                failure = error

    async def _do(self, step: Attempt | Pause) -> Any:
        if isinstance(step, Pause):
            return await asyncio.sleep(step.seconds)
        return await self._send(step.request, step.timeout_seconds)
