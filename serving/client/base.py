"""The methods that every client has, over either protocol, synchronous or asynchronous."""

import abc
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Protocol, Self

import numpy as np
import tenacity

from serving.client.descriptions import SignatureDescription
from serving.client.options import ClientOptions, check_timeout
from serving.client.retries import make_retrying, seconds_until
from serving.wire.server_defaults import DEFAULT_SIGNATURE

# Yields requests, is sent their responses, and returns what the caller asked for.
Steps = Generator[Any, Any, Any]
Inputs = Mapping[str, np.ndarray | Sequence[Any]]


class Calls(Protocol):
    """A protocol's calls, for synchronous and asynchronous clients: `response = yield request`."""

    def predict(
        self,
        model_name: str,
        inputs: Inputs,
        signature_name: str,
        version: int | None,
        version_label: str | None,
        output_filter: Sequence[str],
    ) -> Steps: ...

    def signatures(self, model_name: str, version: int | None, version_label: str | None) -> Steps: ...

    def status(self, model_name: str) -> Steps: ...


class _AnyClient:
    def __init__(self, address: str, calls: Calls, options: ClientOptions):
        options.check_address(address)
        self.address = address
        self.options = options
        self._calls = calls

    def _deadline(self, timeout_seconds: float | None) -> float:
        if timeout_seconds is None:
            timeout_seconds = self.options.timeout_seconds
        check_timeout(timeout_seconds)
        return time.monotonic() + timeout_seconds


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
        steps = self._calls.predict(model_name, inputs, signature_name, version, version_label, output_filter)
        return self._run(steps, timeout_seconds)

    def signatures(
        self,
        model_name: str,
        version: int | None = None,
        version_label: str | None = None,
        timeout_seconds: float | None = None,
    ) -> dict[str, SignatureDescription]:
        """Returns the signatures of a model, by name."""
        return self._run(self._calls.signatures(model_name, version, version_label), timeout_seconds)

    def status(self, model_name: str, timeout_seconds: float | None = None) -> dict[int, str]:
        """Returns the state of each version of a model, newest first, e.g. `{1: "AVAILABLE"}`."""
        return self._run(self._calls.status(model_name), timeout_seconds)

    def _run(self, steps: Steps, timeout_seconds: float | None) -> Any:
        deadline = self._deadline(timeout_seconds)
        response: Any = None
        while True:
            try:
                request = steps.send(response)
            except StopIteration as finished:
                return finished.value
            retrying = make_retrying(tenacity.Retrying, self.options.max_retries, deadline)
            response = retrying(self._send_by, deadline, request)

    def _send_by(self, deadline: float, request: Any) -> Any:
        return self._send(request, seconds_until(deadline))


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
        steps = self._calls.predict(model_name, inputs, signature_name, version, version_label, output_filter)
        return await self._run(steps, timeout_seconds)

    async def signatures(
        self,
        model_name: str,
        version: int | None = None,
        version_label: str | None = None,
        timeout_seconds: float | None = None,
    ) -> dict[str, SignatureDescription]:
        """Returns the signatures of a model, by name."""
        return await self._run(self._calls.signatures(model_name, version, version_label), timeout_seconds)

    async def status(self, model_name: str, timeout_seconds: float | None = None) -> dict[int, str]:
        """Returns the state of each version of a model, newest first, e.g. `{1: "AVAILABLE"}`."""
        return await self._run(self._calls.status(model_name), timeout_seconds)

    async def _run(self, steps: Steps, timeout_seconds: float | None) -> Any:
        deadline = self._deadline(timeout_seconds)
        response: Any = None
        while True:
            try:
                request = steps.send(response)
            except StopIteration as finished:
                return finished.value
            retrying = make_retrying(tenacity.AsyncRetrying, self.options.max_retries, deadline)
            response = await retrying(self._send_by, deadline, request)

    async def _send_by(self, deadline: float, request: Any) -> Any:
        return await self._send(request, seconds_until(deadline))
