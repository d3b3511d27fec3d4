"""A gRPC client that imports no TensorFlow."""

from collections.abc import Mapping, Sequence

import grpc
import numpy as np

from serving import data_types, messages, status, tensor_proto
from serving.client import (
    DEFAULT_SIGNATURE,
    PredictionError,
    ServerUnreachableError,
    SignatureDescription,
    TensorDescription,
    askable,
    check_rows,
)

_PREDICTION_SERVICE = "/tensorflow.serving.PredictionService/"
_MODEL_SERVICE = "/tensorflow.serving.ModelService/"
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A proxy of the environment is meant for the web, not for a server on this machine or in its cluster.
    ("grpc.enable_http_proxy", 0),
)


class GrpcClient:
    """Asks a server over gRPC; the fastest way for pictures. Threads may share one.

    Args:
        address: `HOST:PORT`.
        timeout_seconds: Time that one call may take.

    Raises:
        PredictionError: By every method: the server refused.
        ServerUnreachableError: By every method: nobody answers at the address.

    Example:

    ```python
    with GrpcClient("localhost:8500") as client:
        outputs = client.predict("dcgan", {"seed": np.arange(4), "category": ["sneaker"] * 4}, "generate")
    outputs["images"].shape  # (4, 28, 28, 1)
    ```
    """

    def __init__(self, address: str, timeout_seconds: float = 60.0):
        self.address = address
        self._timeout_seconds = timeout_seconds
        self._channel = grpc.insecure_channel(address, options=_OPTIONS)
        self._predict = self._method(f"{_PREDICTION_SERVICE}Predict", messages.PredictResponse)
        self._metadata = self._method(
            f"{_PREDICTION_SERVICE}GetModelMetadata", messages.GetModelMetadataResponse
        )
        self._status = self._method(f"{_MODEL_SERVICE}GetModelStatus", messages.GetModelStatusResponse)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def predict(
        self,
        model_name: str,
        inputs: Mapping[str, np.ndarray | Sequence],
        signature_name: str = DEFAULT_SIGNATURE,
        version: int | None = None,
        version_label: str | None = None,
        output_filter: Sequence[str] = (),
    ) -> dict[str, np.ndarray]:
        """Returns the outputs of a signature, strings as `bytes` in `object` arrays.

        Args:
            model_name: The model.
            inputs: Arrays of the type that the signature wants, or nested lists (integers become int64,
                decimals float32), by input name.
            signature_name: The signature.
            version: One version; the highest available by default.
            version_label: A label instead of a version.
            output_filter: The outputs wanted; all by default.

        Raises:
            RowError: The model says that some of the rows are wrong.
        """
        request = messages.PredictRequest(
            model_spec=_model_spec(model_name, signature_name, version, version_label),
            output_filter=list(output_filter),
        )
        for name, value in inputs.items():
            tensor_proto.fill(request.inputs[name], data_types.as_array(value), as_content=True)
        response = self._call(self._predict, request)
        outputs = {name: tensor_proto.to_array(proto) for name, proto in sorted(response.outputs.items())}
        check_rows(outputs)
        return outputs

    def signatures(
        self, model_name: str, version: int | None = None, version_label: str | None = None
    ) -> dict[str, SignatureDescription]:
        """Returns the signatures of a model, by name."""
        request = messages.GetModelMetadataRequest(
            model_spec=_model_spec(model_name, "", version, version_label), metadata_field=["signature_def"]
        )
        packed = self._call(self._metadata, request).metadata["signature_def"].value
        signature_defs = messages.SignatureDefMap.FromString(packed).signature_def
        return askable(
            {
                name: SignatureDescription(_describe(proto.inputs), _describe(proto.outputs))
                for name, proto in signature_defs.items()
            }
        )

    def status(self, model_name: str) -> dict[int, str]:
        """Returns the state of each version of a model, newest first, e.g. `{1: "AVAILABLE"}`."""
        request = messages.GetModelStatusRequest(model_spec=_model_spec(model_name, "", None, None))
        response = self._call(self._status, request)
        state_names = messages.ModelVersionStatus.State
        return {entry.version: state_names.Name(entry.state) for entry in response.model_version_status}

    def _method(self, path, response_type):
        return self._channel.unary_unary(
            path, request_serializer=_serialize, response_deserializer=response_type.FromString
        )

    def _call(self, method, request):
        try:
            return method(request, timeout=self._timeout_seconds)
        except grpc.RpcError as error:
            raise self._error(error) from error

    def _error(self, error) -> Exception:
        code, message = error.code(), error.details() or ""
        # gRPC itself has no code of its own for a server that is not there.
        if code == grpc.StatusCode.UNAVAILABLE and "connect" in message:
            return ServerUnreachableError(self.address, message.rpartition(": ")[2])
        http_status = status.from_code(code.value[0], message).http_status
        return PredictionError(message, http_status, code.name)


def _serialize(request) -> bytes:
    return request.SerializeToString()


def _model_spec(name, signature_name, version, version_label):
    spec = messages.ModelSpec(name=name, signature_name=signature_name)
    if version is not None:
        spec.version.value = version
    if version_label:
        spec.version_label = version_label
    return spec


def _describe(tensors) -> dict[str, TensorDescription]:
    descriptions = {}
    for name, info in sorted(tensors.items()):
        data_type = data_types.BY_NUMBER.get(info.dtype)
        shape = None if info.tensor_shape.unknown_rank else tuple(d.size for d in info.tensor_shape.dim)
        descriptions[name] = TensorDescription(data_type.name if data_type else str(info.dtype), shape)
    return descriptions
