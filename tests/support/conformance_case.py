"""Protocol-neutral requests, and functions that send them to one server over gRPC and over REST."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import grpc
import numpy as np
from conformance_server import channel, fill_spec, post, predict_request, prediction, rest
from inference_requests import classify_request, regress_request
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
)

from serving.wire import tensor_proto

GRPC, REST = "grpc", "rest"
# Written by hand, to check the table in `serving/wire/status.py` against.
HTTP_STATUSES = {"OK": 200, "INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "NOT_FOUND": 404}


@dataclasses.dataclass(frozen=True)
class Case:
    """A request that both protocols can express, with TF Serving's response.

    Args:
        name: Name of the tested behaviour.
        method: `predict`, `classify`, `regress`, `status` or `metadata`.
        status: Canonical name, or a mapping by protocol where TF Serving's own responses differ.
        message: Error message, or likewise a mapping; with "..." at its end only the beginning is compared.
        answer: Result of a success, as `ask` returns it.
        inputs: Arrays by name, for `predict`.
        examples: One mapping of features to values per example, for `classify` and `regress`.
        context: Features of all examples.
        model: Model name of the request's model specification.
        version: Version number of the specification.
        label: Label of the specification, instead of a version.
        signature: Signature name of the specification; `""` means `serving_default`.
    """

    name: str
    method: str
    status: str | Mapping[str, str] = "OK"
    message: str | Mapping[str, str] = ""
    answer: Any = None
    inputs: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    examples: tuple[Mapping, ...] = ()
    context: Mapping | None = None
    model: str = "linear"
    version: int | None = None
    label: str = ""
    signature: str = ""

    def expected(self, protocol: str) -> tuple[str, str]:
        """Returns the expected status and message over a protocol."""
        status, message = (
            value if isinstance(value, str) else value[protocol] for value in (self.status, self.message)
        )
        return status, message


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A server's response.

    Args:
        status: Canonical name over gRPC, HTTP status over REST.
        message: Error message; `""` for a success.
        answer: Result of a success. `predict`: the only output's values, or each output's by name.
            `classify`: pairs of label and score per example. `regress`: one value per example. `status`:
            version, state and code of each version. `metadata`: name, version, and names of the signatures.
    """

    status: str | int
    message: str
    answer: Any


def ask(case: Case, protocol: str) -> Outcome:
    """Sends a case to the conformance tests' server."""
    return {GRPC: _ask_over_grpc, REST: _ask_over_rest}[protocol](case)


def expected_status(case: Case, protocol: str) -> str | int:
    """Returns the expected status of an `Outcome`."""
    status, _ = case.expected(protocol)
    return status if protocol == GRPC else HTTP_STATUSES[status]


def _ask_over_grpc(case):
    spec = {"model": case.model, "version": case.version, "label": case.label, "signature": case.signature}
    try:
        return Outcome("OK", "", _GRPC_CALLS[case.method](case, spec))
    except grpc.RpcError as error:
        return Outcome(error.code().name, error.details(), None)


def _predict(case, spec):
    response = prediction().Predict(predict_request(case.inputs, **spec))
    outputs = {name: _plain(tensor_proto.to_array(proto)) for name, proto in response.outputs.items()}
    assert response.model_spec.name == case.model
    assert response.model_spec.signature_name == (case.signature or "serving_default")
    return next(iter(outputs.values())) if len(outputs) == 1 else outputs


def _plain(array):
    if array.dtype == object:
        array = np.vectorize(bytes.decode, otypes=[object])(array)
    return array.tolist()


def _classify(case, spec):
    response = prediction().Classify(classify_request(*case.examples, context=case.context, **spec))
    _check_spec(response.model_spec, case)
    return [[(entry.label, entry.score) for entry in row.classes] for row in response.result.classifications]


def _regress(case, spec):
    response = prediction().Regress(regress_request(*case.examples, **spec))
    _check_spec(response.model_spec, case)
    return [entry.value for entry in response.result.regressions]


def _check_spec(spec, case):
    assert (spec.name, spec.version.value) == (case.model, 1)
    assert spec.signature_name == (case.signature or "serving_default")


def _status(case, spec):
    request = get_model_status_pb2.GetModelStatusRequest()
    fill_spec(request.model_spec, **spec)
    response = model_service_pb2_grpc.ModelServiceStub(channel()).GetModelStatus(request)
    states = get_model_status_pb2.ModelVersionStatus.State
    return [
        (entry.version, states.Name(entry.state), entry.status.error_code)
        for entry in response.model_version_status
    ]


def _metadata(case, spec):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    fill_spec(request.model_spec, **spec)
    response = prediction().GetModelMetadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert response.model_spec.signature_name == ""
    return response.model_spec.name, response.model_spec.version.value, sorted(signatures.signature_def)


_GRPC_CALLS = {
    "predict": _predict,
    "classify": _classify,
    "regress": _regress,
    "status": _status,
    "metadata": _metadata,
}


def _ask_over_rest(case):
    path = f"/v1/models/{case.model}"
    if case.version is not None:
        path += f"/versions/{case.version}"
    if case.label:
        path += f"/labels/{case.label}"
    if case.method in ("status", "metadata"):
        response = rest().get(path + ("/metadata" if case.method == "metadata" else ""))
    else:
        response = post(f"{path}:{case.method}", _body(case))
    assert response.headers["content-type"] == "application/json"
    content = response.json()
    if response.status_code != 200:
        return Outcome(response.status_code, content["error"], None)
    return Outcome(200, "", _REST_ANSWERS[case.method](content))


def _body(case):
    body = {"signature_name": case.signature} if case.signature else {}
    if case.method == "predict":
        return body | {"inputs": {name: _plain(np.asarray(array)) for name, array in case.inputs.items()}}
    context = {} if case.context is None else {"context": case.context}
    return body | context | {"examples": list(case.examples)}


def _status_answer(content):
    codes = {"OK": 0}
    return [
        (int(entry["version"]), entry["state"], codes[entry["status"]["error_code"]])
        for entry in content["model_version_status"]
    ]


def _metadata_answer(content):
    spec = content["model_spec"]
    assert spec["signature_name"] == ""
    return spec["name"], int(spec["version"]), sorted(content["metadata"]["signature_def"]["signature_def"])


_REST_ANSWERS = {
    "predict": lambda content: content["outputs"],
    "classify": lambda content: [[tuple(pair) for pair in row] for row in content["results"]],
    "regress": lambda content: content["results"],
    "status": _status_answer,
    "metadata": _metadata_answer,
}
