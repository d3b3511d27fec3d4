"""A REST client that imports no TensorFlow."""

import base64
import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import httpx
import numpy as np

from serving import data_types, json_tensor
from serving.client import (
    DEFAULT_SIGNATURE,
    PredictionError,
    ServerUnreachableError,
    SignatureDescription,
    TensorDescription,
    askable,
    check_rows,
)
from serving.status import ServingError


class RestClient:
    """Asks a server over REST, with the same methods as `GrpcClient`. Threads may share one.

    JSON carries no types, so the first call for a model also asks for its signatures.

    Args:
        address: `HOST:PORT`.
        timeout_seconds: Time that one call may take.

    Raises:
        PredictionError: By every method: the server refused.
        ServerUnreachableError: By every method: nobody answers at the address.

    Example:

    ```python
    with RestClient("localhost:8501") as client:
        png = client.predict("srcnn_x3", {"image_bytes": [photo]}, "upscale_png")["image_bytes"][0]
    ```
    """

    def __init__(self, address: str, timeout_seconds: float = 60.0):
        self.address = address
        self._client = httpx.Client(base_url=f"http://{address}", timeout=timeout_seconds, trust_env=False)
        self._known: dict[str, dict[str, SignatureDescription]] = {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def predict(
        self,
        model_name: str,
        inputs: Mapping[str, np.ndarray | Sequence],
        signature_name: str = DEFAULT_SIGNATURE,
        version: int | None = None,
        version_label: str | None = None,
    ) -> dict[str, np.ndarray]:
        """Returns the outputs of a signature, strings as `bytes` in `object` arrays.

        Args:
            model_name: The model.
            inputs: Arrays or nested lists by input name.
            signature_name: The signature.
            version: One version; the highest available by default.
            version_label: A label instead of a version.

        Raises:
            RowError: The model says that some of the rows are wrong.
        """
        path = _path(model_name, version, version_label)
        body = {
            "signature_name": signature_name,
            "inputs": {name: _to_json(data_types.as_array(value)) for name, value in inputs.items()},
        }
        answer = self._request("POST", f"{path}:predict", json.dumps(body).encode())["outputs"]
        if signature_name not in self._known.get(path, {}):
            self._known[path] = self.signatures(model_name, version, version_label)
        outputs = _from_json(answer, self._known[path][signature_name].outputs)
        check_rows(outputs)
        return outputs

    def signatures(
        self, model_name: str, version: int | None = None, version_label: str | None = None
    ) -> dict[str, SignatureDescription]:
        """Returns the signatures of a model, by name."""
        answer = self._request("GET", f"{_path(model_name, version, version_label)}/metadata")
        return askable(
            {
                name: SignatureDescription(_describe(fields.get("inputs")), _describe(fields.get("outputs")))
                for name, fields in answer["metadata"]["signature_def"]["signature_def"].items()
            }
        )

    def status(self, model_name: str) -> dict[int, str]:
        """Returns the state of each version of a model, newest first, e.g. `{1: "AVAILABLE"}`."""
        answer = self._request("GET", _path(model_name))
        return {int(entry["version"]): entry["state"] for entry in answer["model_version_status"]}

    def _request(self, method, path, body=None):
        try:
            response = self._client.request(method, path, content=body)
        except httpx.TimeoutException as error:
            raise PredictionError("Deadline Exceeded", 504, "HTTP 504") from error
        except httpx.TransportError as error:
            raise ServerUnreachableError(self.address, str(error)) from error
        if response.status_code != 200:
            raise _error(response, _error_message(response))
        try:
            return json_tensor.parse(response.content)
        except ServingError as error:
            raise _error(response, error.message) from error


def _error(response, message) -> PredictionError:
    return PredictionError(message, response.status_code, f"HTTP {response.status_code}")


def _error_message(response) -> str:
    try:
        return response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return response.text.strip()


def _path(model_name, version=None, version_label=None) -> str:
    path = f"/v1/models/{quote(model_name, safe='')}"
    if version is not None:
        return f"{path}/versions/{version}"
    return f"{path}/labels/{quote(version_label, safe='')}" if version_label else path


def _to_json(array: np.ndarray):
    if data_types.of_array(array) is data_types.STRING:
        return _strings_to_json(array.astype(object).tolist())
    return array.tolist()


def _strings_to_json(value):
    if isinstance(value, list):
        return [_strings_to_json(element) for element in value]
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _from_json(answer, descriptions: Mapping[str, TensorDescription]) -> dict[str, np.ndarray]:
    """Gives the answer its types back; an answer of one output comes without its name."""
    if len(descriptions) == 1:
        answer = {next(iter(descriptions)): answer}
    return {
        name: json_tensor.to_array(answer[name], data_types.BY_ENUM_NAME[f"DT_{description.dtype.upper()}"])
        for name, description in descriptions.items()
    }


def _describe(tensors) -> dict[str, TensorDescription]:
    descriptions = {}
    for name, info in sorted((tensors or {}).items()):
        shape = info["tensor_shape"]
        dimensions = tuple(int(dimension["size"]) for dimension in shape["dim"])
        dtype = info["dtype"].removeprefix("DT_").lower()
        descriptions[name] = TensorDescription(dtype, None if shape["unknown_rank"] else dimensions)
    return descriptions
