"""Synchronous and asynchronous gRPC clients; imports no TensorFlow."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from serving.client.base import AsyncClient, Client, Inputs, Steps
from serving.client.connection_errors import connection_error
from serving.client.descriptions import SignatureDescription, TensorDescription, askable
from serving.client.errors import check_has_rows, check_rows, refusal
from serving.client.options import ClientOptions
from serving.wire import data_types, messages, status, tensor_proto
from serving.wire.server_defaults import UNLIMITED

_PREDICTION_SERVICE = "/tensorflow.serving.PredictionService/"
_MODEL_SERVICE = "/tensorflow.serving.ModelService/"
_RESPONSES = {
    f"{_PREDICTION_SERVICE}Predict": messages.PredictResponse,
    f"{_PREDICTION_SERVICE}GetModelMetadata": messages.GetModelMetadataResponse,
    f"{_MODEL_SERVICE}GetModelStatus": messages.GetModelStatusResponse,
}
_PREDICT, _METADATA, _STATUS = _RESPONSES
_NOT_THERE = "connect|handshake|errors resolving|socket closed"
_OPTIONS = (
    ("grpc.max_receive_message_length", UNLIMITED),
    ("grpc.max_send_message_length", UNLIMITED),
    # The environment's proxy is meant for the web, not for a server on this machine or in its cluster.
    ("grpc.enable_http_proxy", 0),
    # Between two connection attempts gRPC repeats the last failure, so it must try as often as the client.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class GrpcClient(Client):
    """Client of a server's gRPC API, the faster one for images. Threads may share one client.

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
    with GrpcClient("localhost:8500") as client:
        outputs = client.predict("dcgan", {"seed": np.arange(4), "category": ["sneaker"] * 4}, "generate")
    outputs["images"].shape  # (4, 28, 28, 1)
    ```
    """

    def __init__(self, address: str, **options: Any):
        super().__init__(address, _GrpcCalls(), ClientOptions(**options))
        self._channel = open_channel(address, self.options)
        self._methods = _methods(self._channel)

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def _send(self, request: "_Rpc", timeout_seconds: float) -> Any:
        with _own_errors(self):
            method = self._methods[request.path]
            return method(request.message, timeout=timeout_seconds, metadata=self.options.headers())


class AsyncGrpcClient(AsyncClient):
    """`GrpcClient` whose methods are coroutines.

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
    async with AsyncGrpcClient("localhost:8500") as client:
        outputs = await client.predict("dcgan", {"seed": np.arange(4), "category": ["bag"] * 4}, "generate")
    ```
    """

    def __init__(self, address: str, **options: Any):
        super().__init__(address, _GrpcCalls(), ClientOptions(**options))
        self._channel = open_channel(address, self.options, grpc.aio)
        self._methods = _methods(self._channel)

    async def close(self) -> None:
        """Closes the connection."""
        await self._channel.close()

    async def _send(self, request: "_Rpc", timeout_seconds: float) -> Any:
        with _own_errors(self):
            method = self._methods[request.path]
            return await method(request.message, timeout=timeout_seconds, metadata=self.options.headers())


@dataclass(frozen=True)
class _Rpc:
    path: str
    message: object


class _GrpcCalls:
    def predict(
        self,
        model_name: str,
        inputs: Inputs,
        signature_name: str,
        version: int | None,
        version_label: str | None,
        output_filter: Sequence[str],
    ) -> Steps:
        check_has_rows(inputs)
        request = messages.PredictRequest(
            model_spec=_model_spec(model_name, signature_name, version, version_label),
            output_filter=list(output_filter),
        )
        for name, value in inputs.items():
            tensor_proto.fill(request.inputs[name], data_types.as_array(value), as_content=True)
        response = yield _Rpc(_PREDICT, request)
        outputs = {name: tensor_proto.to_array(proto) for name, proto in sorted(response.outputs.items())}
        check_rows(outputs)
        return outputs

    def signatures(self, model_name: str, version: int | None, version_label: str | None) -> Steps:
        request = messages.GetModelMetadataRequest(
            model_spec=_model_spec(model_name, "", version, version_label), metadata_field=["signature_def"]
        )
        response = yield _Rpc(_METADATA, request)
        packed = response.metadata["signature_def"].value
        signature_defs = messages.SignatureDefMap.FromString(packed).signature_def
        return askable(
            {
                name: SignatureDescription(_describe(proto.inputs), _describe(proto.outputs))
                for name, proto in signature_defs.items()
            }
        )

    def status(self, model_name: str) -> Steps:
        request = messages.GetModelStatusRequest(model_spec=_model_spec(model_name, "", None, None))
        response = yield _Rpc(_STATUS, request)
        state_names = messages.ModelVersionStatus.State
        return {entry.version: state_names.Name(entry.state) for entry in response.model_version_status}


def open_channel(address: str, options: ClientOptions, library: Any = grpc) -> Any:
    """Returns a channel of `grpc` or `grpc.aio`, encrypted if the options say so."""
    if not options.uses_tls:
        return library.insecure_channel(address, options=_OPTIONS)
    files = (options.ca_file, options.client_key_file, options.client_cert_file)
    credentials = grpc.ssl_channel_credentials(*(file and Path(file).read_bytes() for file in files))
    return library.secure_channel(address, credentials, options=_OPTIONS)


def _methods(channel: Any) -> dict[str, Any]:
    return {
        path: channel.unary_unary(
            path, request_serializer=_serialize, response_deserializer=response_type.FromString
        )
        for path, response_type in _RESPONSES.items()
    }


@contextlib.contextmanager
def _own_errors(client: Client | AsyncClient) -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        raise _own_error(client, error.code(), error.details() or "") from error


def _own_error(client: Client | AsyncClient, code: Any, message: str) -> Exception:
    # gRPC has no separate code for an unreachable server.
    if code == grpc.StatusCode.UNAVAILABLE and re.search(_NOT_THERE, message, re.IGNORECASE):
        reason = message.rpartition(": ")[2].rstrip("]")
        return connection_error(client.address, message, reason, client.options.uses_tls)
    http_status = status.from_code(code.value[0], message).http_status
    return refusal(message, http_status, code.name)


def _serialize(request: Any) -> bytes:
    return request.SerializeToString()


def _model_spec(name: str, signature_name: str, version: int | None, version_label: str | None) -> Any:
    spec = messages.ModelSpec(name=name, signature_name=signature_name)
    if version is not None:
        spec.version.value = version
    if version_label:
        spec.version_label = version_label
    return spec


def _describe(tensors: Any) -> dict[str, TensorDescription]:
    descriptions = {}
    for name, info in sorted(tensors.items()):
        data_type = data_types.BY_NUMBER.get(info.dtype)
        shape = None if info.tensor_shape.unknown_rank else tuple(d.size for d in info.tensor_shape.dim)
        descriptions[name] = TensorDescription(data_type.name if data_type else str(info.dtype), shape)
    return descriptions
