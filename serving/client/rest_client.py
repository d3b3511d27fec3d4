"""Synchronous and asynchronous REST clients; imports no TensorFlow."""

import base64
import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2
import numpy as np

from serving.client.base import AsyncClient, Client, Inputs, Steps
from serving.client.connection_errors import connection_error
from serving.client.descriptions import SignatureDescription, TensorDescription, askable
from serving.client.errors import PredictionError, check_has_rows, check_rows, refusal
from serving.client.options import ClientOptions
from serving.wire import data_types, json_tensor
from serving.wire.status import DeadlineExceeded, ServingError


class RestClient(Client):
    """Client of a server's REST API, with `GrpcClient`'s methods. Threads may share one client.

    Because JSON carries no dtypes, the first call to a model also requests its signatures.

    Args:
        address: `HOST:PORT`.
        **options: See `ClientOptions`.

    Raises:
        PredictionError: By every method, if the server refuses the request.
        ServerUnreachableError: By every method, if no server answers at the address.
        TlsError: By every method, if no trusted connection can be made.
        WrongProtocolError: By every method, if the server speaks another protocol there.

    Example:

    ```python
    with RestClient("localhost:8501") as client:
        png = client.predict("srcnn_x3", {"image_bytes": [photo]}, "upscale_png")["image_bytes"][0]
    ```
    """

    def __init__(self, address: str, **options: Any):
        super().__init__(address, _RestCalls(), ClientOptions(**options))
        self._client = httpx2.Client(**client_arguments(address, self.options))

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _send(self, request: "_Request", timeout_seconds: float) -> dict[str, Any]:
        with _own_errors(self):
            return _read(self._client.request(**vars(request), timeout=timeout_seconds))


class AsyncRestClient(AsyncClient):
    """`RestClient` whose methods are coroutines.

    Args:
        address: `HOST:PORT`.
        **options: See `ClientOptions`.

    Raises:
        PredictionError: By every method, if the server refuses the request.
        ServerUnreachableError: By every method, if no server answers at the address.
        TlsError: By every method, if no trusted connection can be made.
        WrongProtocolError: By every method, if the server speaks another protocol there.

    Example:

    ```python
    async with AsyncRestClient("localhost:8501") as client:
        outputs = await client.predict("srcnn_x3", {"image_bytes": [photo]}, "upscale_png")
    ```
    """

    def __init__(self, address: str, **options: Any):
        super().__init__(address, _RestCalls(), ClientOptions(**options))
        self._client = httpx2.AsyncClient(**client_arguments(address, self.options))

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _send(self, request: "_Request", timeout_seconds: float) -> dict[str, Any]:
        with _own_errors(self):
            return _read(await self._client.request(**vars(request), timeout=timeout_seconds))


@dataclass(frozen=True)
class _Request:
    method: str
    url: str
    content: bytes | None = None


class _RestCalls:
    def __init__(self) -> None:
        self._known: dict[str, dict[str, SignatureDescription]] = {}

    def predict(
        self,
        model_name: str,
        inputs: Inputs,
        signature_name: str,
        version: int | None,
        version_label: str | None,
        output_filter: Sequence[str],
    ) -> Steps:
        if output_filter:
            raise ValueError(
                "REST always returns every output of a signature. "
                f"Received: output_filter={list(output_filter)}. Leave it out, or connect over gRPC."
            )
        check_has_rows(inputs)
        path = _path(model_name, version, version_label)
        answer = yield _Request("POST", f"{path}:predict", predict_body(inputs, signature_name))
        if signature_name not in self._known.get(path, {}):
            self._known[path] = yield from self.signatures(model_name, version, version_label)
        outputs = _from_json(answer["outputs"], self._known[path][signature_name].outputs)
        check_rows(outputs)
        return outputs

    def signatures(self, model_name: str, version: int | None, version_label: str | None) -> Steps:
        answer = yield _Request("GET", f"{_path(model_name, version, version_label)}/metadata")
        return askable(
            {
                name: SignatureDescription(_describe(fields.get("inputs")), _describe(fields.get("outputs")))
                for name, fields in answer["metadata"]["signature_def"]["signature_def"].items()
            }
        )

    def status(self, model_name: str) -> Steps:
        answer = yield _Request("GET", _path(model_name))
        return {int(entry["version"]): entry["state"] for entry in answer["model_version_status"]}


def client_arguments(address: str, options: ClientOptions) -> dict[str, Any]:
    """Returns the arguments of `httpx2.Client` and `httpx2.AsyncClient` for a server."""
    return {
        "base_url": f"{'https' if options.uses_tls else 'http'}://{address}",
        "headers": options.headers(),
        "verify": options.ssl_context() if options.uses_tls else True,
        # The environment's proxy is meant for the web, not for a server on this machine or in its cluster.
        "trust_env": False,
    }


@contextlib.contextmanager
def _own_errors(client: Client | AsyncClient) -> Iterator[None]:
    try:
        yield
    except httpx2.TimeoutException as error:
        status = DeadlineExceeded.http_status
        raise PredictionError("Deadline Exceeded", status, f"HTTP {status}") from error
    except httpx2.TransportError as error:
        raise connection_error(client.address, str(error), str(error), client.options.uses_tls) from error


def _read(response: httpx2.Response) -> dict[str, Any]:
    if response.status_code != 200:
        raise _error(response, _error_message(response))
    try:
        return json_tensor.parse(response.content)
    except ServingError as error:
        raise _error(response, error.message) from error


def _error(response: httpx2.Response, message: str) -> PredictionError:
    return refusal(message, response.status_code, f"HTTP {response.status_code}")


def _error_message(response: httpx2.Response) -> str:
    try:
        return response.json()["error"]
    except (ValueError, KeyError, TypeError):
        # A proxy may answer with an HTML page, which is no message.
        is_page = response.headers.get("content-type", "").startswith("text/html")
        return response.reason_phrase if is_page else response.text.strip()


def _path(model_name: str, version: int | None = None, version_label: str | None = None) -> str:
    path = f"/v1/models/{quote(model_name, safe='')}"
    if version is not None:
        return f"{path}/versions/{version}"
    return f"{path}/labels/{quote(version_label, safe='')}" if version_label else path


def predict_body(inputs: Inputs, signature_name: str) -> bytes:
    """Returns the body of a REST predict request in columnar format."""
    columns = {name: _to_json(data_types.as_array(value)) for name, value in inputs.items()}
    return json.dumps({"signature_name": signature_name, "inputs": columns}).encode()


def _to_json(array: np.ndarray) -> Any:
    if data_types.of_array(array) is data_types.STRING:
        return _strings_to_json(array.astype(object).tolist())
    return array.tolist()


def _strings_to_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_strings_to_json(element) for element in value]
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _from_json(answer: Any, descriptions: Mapping[str, TensorDescription]) -> dict[str, np.ndarray]:
    """Restores a response's dtypes; a response with a single output lacks that output's name."""
    if len(descriptions) == 1:
        answer = {next(iter(descriptions)): answer}
    return {
        name: json_tensor.to_array(answer[name], data_types.BY_ENUM_NAME[f"DT_{description.dtype.upper()}"])
        for name, description in descriptions.items()
    }


def _describe(tensors: Any) -> dict[str, TensorDescription]:
    descriptions = {}
    for name, info in sorted((tensors or {}).items()):
        shape = info["tensor_shape"]
        dimensions = tuple(int(dimension["size"]) for dimension in shape["dim"])
        dtype = info["dtype"].removeprefix("DT_").lower()
        descriptions[name] = TensorDescription(dtype, None if shape["unknown_rank"] else dimensions)
    return descriptions
