"""Valid and invalid gRPC requests that two servers of one model should answer alike."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from serving.client.descriptions import SignatureDescription
from serving.compare.sample_inputs import sample_inputs
from serving.model_server.core.model_signature import CLASSIFY, REGRESS
from serving.wire import messages, tensor_proto

PREDICTION_SERVICE = "/tensorflow.serving.PredictionService/"
MODEL_SERVICE = "/tensorflow.serving.ModelService/"
NOBODY = "no_such_name"
NO_VERSION = 2**31


@dataclass(frozen=True)
class GrpcRequest:
    """One gRPC call; all fields are text, so that `dataclasses.asdict` returns JSON values.

    Attributes:
        name: Describes the request; unique among a model's requests.
        method: Path of the RPC.
        message_base64: The serialized message in base64.
        danger: What it may do to a server; empty for most.
    """

    name: str
    method: str
    message_base64: str
    danger: str = ""

    @property
    def message(self) -> bytes:
        return base64.b64decode(self.message_base64)


def grpc_requests(model_name: str, signatures: Mapping[str, SignatureDescription]) -> Iterator[GrpcRequest]:
    """Yields a model's gRPC requests.

    Args:
        model_name: Name of the model.
        signatures: Its signatures by name, as a client's `signatures` returns them.
    """
    for name, message in _model_requests(model_name):
        yield _request(name, message)
    for signature_name, signature in signatures.items():
        for name, message in _signature_requests(model_name, signature_name, signature):
            yield _request(f"{signature_name}: {name}", message)


_METHODS = {
    messages.PredictRequest: f"{PREDICTION_SERVICE}Predict",
    messages.ClassificationRequest: f"{PREDICTION_SERVICE}Classify",
    messages.RegressionRequest: f"{PREDICTION_SERVICE}Regress",
    messages.MultiInferenceRequest: f"{PREDICTION_SERVICE}MultiInference",
    messages.GetModelMetadataRequest: f"{PREDICTION_SERVICE}GetModelMetadata",
    messages.GetModelStatusRequest: f"{MODEL_SERVICE}GetModelStatus",
}


# With batching, TF Serving 2.20 answers it when the next request comes, and never answers after some dozens.
_NO_ROWS, _NO_ROWS_DANGER = "no rows", "a server with batching may not answer it, nor others after it"


def _request(name, message):
    text = base64.b64encode(message.SerializeToString(deterministic=True)).decode()
    danger = _NO_ROWS_DANGER if name.endswith(f": {_NO_ROWS}") else ""
    return GrpcRequest(name, _METHODS[type(message)], text, danger)


def _spec(name, signature_name="", version=None, label=None):
    spec = messages.ModelSpec(name=name, signature_name=signature_name)
    if version is not None:
        spec.version.value = version
    if label is not None:
        spec.version_label = label
    return spec


def _model_requests(model):
    specs = {
        "empty model name": _spec(""),
        "unknown model": _spec(NOBODY),
        "unknown version": _spec(model, version=NO_VERSION),
        "version 0": _spec(model, version=0),
        "unknown label": _spec(model, label=NOBODY),
        "unknown label of an unknown model": _spec(NOBODY, label=NOBODY),
        "unknown signature": _spec(model, NOBODY),
    }
    for kind in (messages.PredictRequest, messages.ClassificationRequest, messages.RegressionRequest):
        method = _METHODS[kind].rpartition("/")[2]
        yield f"{method}, no model specification", kind()
        for name, spec in specs.items():
            yield f"{method}, {name}", kind(model_spec=spec)
    yield from _description_requests(model, specs)
    yield from _multi_inference_requests(model, specs)


def _description_requests(model, specs):
    field = ["signature_def"]
    metadata, status = messages.GetModelMetadataRequest, messages.GetModelStatusRequest
    yield "metadata", metadata(model_spec=_spec(model), metadata_field=field)
    yield "metadata, no model specification", metadata(metadata_field=field)
    yield "metadata, no field", metadata(model_spec=_spec(NOBODY))
    yield "metadata, unknown field", metadata(model_spec=_spec(NOBODY), metadata_field=[*field, NOBODY])
    yield "status", status(model_spec=_spec(model))
    yield "status, no model specification", status()
    for name, spec in specs.items():
        yield f"metadata, {name}", metadata(model_spec=spec, metadata_field=field)
        yield f"status, {name}", status(model_spec=spec)


def _multi_inference_requests(model, specs):
    def multi(*tasks):
        request = messages.MultiInferenceRequest()
        for spec, method in tasks:
            request.tasks.add(model_spec=spec, method_name=method)
        return request

    yield "MultiInference, no task", multi()
    for name, spec in specs.items():
        yield f"MultiInference, {name}", multi((spec, CLASSIFY))
    yield "MultiInference, two models", multi((_spec(model, NOBODY), CLASSIFY), (_spec(NOBODY), REGRESS))
    yield "MultiInference, unknown method", multi((_spec(model), NOBODY))


def _signature_requests(model, name, signature):
    def predict(arrays, outputs=()):
        request = messages.PredictRequest(model_spec=_spec(model, name), output_filter=list(outputs))
        for alias, array in arrays.items():
            tensor_proto.fill(request.inputs[alias], array, as_content=False)
        return request

    good = sample_inputs(signature)
    yield "one row", predict(good)
    yield "two rows", predict(sample_inputs(signature, 2))
    yield _NO_ROWS, predict(sample_inputs(signature, 0))
    for output in signature.outputs:
        yield f"output {output} alone", predict(good, [output])
        yield f"output {output} twice", predict(good, [output, output])
    yield "unknown output", predict(good, [NOBODY])
    yield "no input", predict({})
    yield "unknown input too", predict(good | {NOBODY: np.zeros(1, np.float32)})
    for alias, array in good.items():
        others = {other: value for other, value in good.items() if other != alias}
        yield f"{alias} missing", predict(others)
        yield f"{alias} under another name", predict(others | {NOBODY: array})
        for fault, wrong in _wrong_arrays(array).items():
            yield f"{alias} {fault}", predict(others | {alias: wrong})
        damaged = predict(others)
        damaged.inputs[alias].dtype = 1
        damaged.inputs[alias].tensor_shape.dim.add(size=2)
        damaged.inputs[alias].tensor_content = b"123"
        yield f"{alias} contradicting itself", damaged
    yield from _example_requests(model, name)


def _wrong_arrays(array):
    """Returns wrong arrays for an input, by the fault that each has."""
    other_type = np.float32 if array.dtype != np.float32 else np.int32
    wrong = {
        "of another type": np.zeros(array.shape, other_type),
        "with a dimension more": array[..., None],
        "without dimensions": array.reshape(-1)[:1].reshape(()) if array.size else array,
    }
    if array.ndim > 1:
        wrong["with a dimension less"] = array[0]
        wrong["longer in its last dimension"] = np.concatenate([array, array], -1)
    return wrong


def _example_requests(model, name):
    one = {"example_list": {"examples": [b""]}}
    for kind in (messages.ClassificationRequest, messages.RegressionRequest):
        method = _METHODS[kind].rpartition("/")[2]
        yield f"{method}, no example", kind(model_spec=_spec(model, name), input={})
        yield f"{method}, an empty example", kind(model_spec=_spec(model, name), input=one)
    for method in (CLASSIFY, REGRESS):
        request = messages.MultiInferenceRequest(input=one)
        request.tasks.add(model_spec=_spec(model, name), method_name=method)
        yield f"MultiInference, {method}", request
        request = messages.MultiInferenceRequest(input=one)
        for _ in range(2):
            request.tasks.add(model_spec=_spec(model, name), method_name=method)
        yield f"MultiInference, {method} twice", request
