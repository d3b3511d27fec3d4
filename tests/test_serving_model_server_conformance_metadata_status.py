"""Metadata and status: what only one of the protocols can say, its refusals, and the text of its answers."""

import pytest
from conformance_server import channel, error_of, fill_spec, outcome, prediction, rest
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
)


def metadata_request(*fields, **spec):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    fill_spec(request.model_spec, **spec)
    return request


def status_request(**spec):
    request = get_model_status_pb2.GetModelStatusRequest()
    fill_spec(request.model_spec, **spec)
    return request


def model_status():
    return model_service_pb2_grpc.ModelServiceStub(channel()).GetModelStatus


def test_metadata_holds_the_tensors_of_every_signature():
    response = prediction().GetModelMetadata(metadata_request("signature_def"))
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert signatures.signature_def["serving_default"].inputs["x"].name == "serving_default_x:0"


FIELD = "signature_def"
METADATA_ERRORS = [
    (get_model_metadata_pb2.GetModelMetadataRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
    # A second fault that is found later: the model is unknown.
    (
        metadata_request(model="no"),
        "INVALID_ARGUMENT",
        "GetModelMetadataRequest must specify at least one metadata_field",
    ),
    (
        metadata_request(FIELD, "weights", model="no"),
        "INVALID_ARGUMENT",
        "Metadata field weights is not supported",
    ),
    (metadata_request(FIELD, model=""), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
]


@pytest.mark.parametrize(("request_message", "code", "message"), METADATA_ERRORS)
def test_metadata_errors(request_message, code, message):
    assert outcome(prediction().GetModelMetadata, request_message) == (code, message)


def test_status_ignores_the_signature():
    (entry,) = model_status()(status_request(signature="no")).model_version_status
    assert (entry.version, entry.state, entry.status.error_code) == (2, entry.AVAILABLE, 0)


STATUS_ERRORS = [
    (get_model_status_pb2.GetModelStatusRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
    (status_request(model=""), "NOT_FOUND", "Could not find any versions of model "),
]


@pytest.mark.parametrize(("request_message", "code", "message"), STATUS_ERRORS)
def test_status_errors(request_message, code, message):
    assert outcome(model_status(), request_message) == (code, message)


@pytest.mark.parametrize("tail", ["", "/versions/2", "/versions/02", "/labels/red", "/METADATA"])
def test_text_of_rest_status(tail):
    response = rest().get(f"/v1/models/linear{tail}")
    assert response.headers["content-type"] == "application/json"
    assert response.text == (
        '{\n "model_version_status": [\n  {\n   "version": "2",\n   "state": "AVAILABLE",\n   "status": {\n'
        '    "error_code": "OK",\n    "error_message": ""\n   }\n  }\n ]\n}\n'
    )


@pytest.mark.parametrize("tail", ["", "/versions/2", "/labels/stable"])
def test_rest_metadata(tail):
    response = rest().get(f"/v1/models/linear{tail}/metadata")
    assert response.text.startswith('{\n"model_spec":{\n "name": "linear",\n')
    assert '\n}\n,\n"metadata": {"signature_def": {\n' in response.text
    assert response.text.endswith("\n}\n}\n}\n")
    metadata = response.json()
    assert metadata["model_spec"] == {"name": "linear", "version": "2", "signature_name": ""}
    signatures = metadata["metadata"]["signature_def"]["signature_def"]
    assert "__saved_model_init_op" in signatures
    signature = signatures["serving_default"]
    assert signature["inputs"]["x"]["dtype"] == "DT_FLOAT"
    assert signature["inputs"]["x"]["tensor_shape"] == {
        "dim": [{"size": "-1", "name": ""}, {"size": "4", "name": ""}],
        "unknown_rank": False,
    }
    assert signature["method_name"] == "tensorflow/serving/predict"


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v1/models", 400, "Missing model name in request."),
        ("/v1/models/versions/1", 400, "Missing model name in request."),
        ("/v1/models/metadata", 404, "Could not find any versions of model metadata"),
        # The query is part of the path, and a name may hold anything but slash and colon.
        ("/v1/models/linear?verbose", 404, "Could not find any versions of model linear?verbose"),
    ],
)
def test_rest_errors(path, status, message):
    assert error_of(rest().get(path)) == (status, message)
