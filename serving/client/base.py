"""What a client of any protocol offers, with and without `await`."""

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
    """The calls of a protocol: each builds requests, asks them, and reads the answers.

    `ask` is to be delegated to: `answer = yield from ask(request)`.
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
    """The methods of a client. Threads may share one.

    Subclasses send a request of their protocol in `_send(request, timeout_seconds)`, and return the answer.
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
        """Returns the outputs of a signature, strings as `bytes` in `object` arrays.

        Args:
            model_name: The model.
            inputs: Arrays of the type that the signature wants, or nested lists (integers become int64,
                decimals float32), by input name.
            signature_name: The signature.
            version: One version; the highest available by default.
            version_label: A label instead of a version.
            output_filter: The outputs wanted; all by default. REST has no such filter.
            timeout_seconds: Time that this call may take; that of the client by default.

        Raises:
            RowError: The model says that some of the rows are wrong.
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
    """The methods of `Client`, to be awaited. Make it where it is used, in a coroutine.

    Subclasses send a request of their protocol in `await _send(request, timeout_seconds)`.
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
        """Returns the outputs of a signature; see `Client.predict`."""
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
