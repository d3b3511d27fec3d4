import grpc
import numpy as np
import pytest
from serving_models import running_server
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving import tensor_proto

FLOATS = np.ones((2, 4), np.float32)
ROW = np.ones(2, np.float32)


@pytest.fixture(scope="module")
def channel(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("grpc")) as server:
        options = [("grpc.max_receive_message_length", -1)]
        with grpc.insecure_channel(f"localhost:{server.flags['port']}", options=options) as channel:
            yield channel


@pytest.fixture(scope="module")
def prediction(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def predict_request(model="linear", inputs=None, signature="", version=None, label="", outputs=()):
    request = predict_pb2.PredictRequest(output_filter=outputs)
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    if label:
        request.model_spec.version_label = label
    for name, array in (inputs or {}).items():
        tensor_proto.fill(request.inputs[name], np.asarray(array), as_content=False)
    return request


def outputs_of(response):
    return {name: tensor_proto.to_array(proto) for name, proto in response.outputs.items()}


def test_answer_echoes_the_resolved_model_spec(prediction):
    response = prediction.Predict(predict_request(inputs={"x": FLOATS}))
    assert response.model_spec.name == "linear"
    assert response.model_spec.version.value == 2
    assert response.model_spec.signature_name == "serving_default"
    np.testing.assert_array_equal(outputs_of(response)["y"], 2 * FLOATS)


def test_outputs_come_in_typed_fields(prediction):
    proto = prediction.Predict(predict_request(inputs={"x": FLOATS})).outputs["y"]
    assert list(proto.float_val) == [2.0] * 8
    assert not proto.tensor_content


def test_output_filter_fetches_only_what_is_asked_for(prediction):
    request = predict_request(inputs={"a": ROW, "b": ROW}, signature="two", outputs=["sum"])
    assert set(prediction.Predict(request).outputs) == {"sum"}


def test_default_input_may_be_left_out(prediction):
    response = prediction.Predict(predict_request(inputs={"a": ROW}, signature="defaulted"))
    np.testing.assert_array_equal(outputs_of(response)["sum"], [11.0, 11.0])


def test_label_finds_its_version(prediction):
    response = prediction.Predict(predict_request(inputs={"x": FLOATS}, label="stable"))
    assert response.model_spec.version.value == 2


@pytest.mark.parametrize(
    ("request_arguments", "code", "message"),
    [
        ({"model": ""}, "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        ({"label": "red"}, "INVALID_ARGUMENT", "Unrecognized servable version label: red"),
        ({"model": "no", "label": "red"}, "INVALID_ARGUMENT", "Unrecognized servable version label: red"),
        ({"model": "no"}, "NOT_FOUND", "Servable not found for request: Latest(no)"),
        ({"version": 7}, "NOT_FOUND", "Servable not found for request: Specific(linear, 7)"),
        ({"version": 0}, "NOT_FOUND", "Servable not found for request: Specific(linear, 0)"),
        ({"signature": "no"}, "FAILED_PRECONDITION", 'Serving signature key "no" not found.'),
        (
            {"inputs": {"a": ROW}, "signature": "two"},
            "INVALID_ARGUMENT",
            (
                "input size does not match signature: 1!=2 len({a}) != len({a,b}). Sent extra: {}. "
                "Missing but required: {b}."
            ),
        ),
        (
            {"inputs": {"a": ROW, "b": ROW, "c": ROW}, "signature": "defaulted"},
            "INVALID_ARGUMENT",
            (
                "input size does not match signature: 3!=2 len({a,b,c}) != len({a,b}). Sent extra: {c}. "
                "Missing but required: {}."
            ),
        ),
        (
            {"inputs": {"y": FLOATS}},
            "INVALID_ARGUMENT",
            (
                "Signature input alias: x(feed name: serving_default_x:0) not found in "
                "request and no default value "
                "provided. Inputs expected to be in the request {y}, or default input alias set: "
            ),
        ),
        (
            {"inputs": {"a": ROW, "c": ROW}, "signature": "defaulted"},
            "INVALID_ARGUMENT",
            "Inputs contains invalid name. Used request inputs: a, request input: a,c",
        ),
        (
            {"inputs": {"x": FLOATS}, "outputs": ["z"]},
            "INVALID_ARGUMENT",
            "output tensor alias not found in signature: z Outputs expected to be in the set {y}.",
        ),
        (
            {"inputs": {"x": FLOATS}, "outputs": ["y", "y"]},
            "INVALID_ARGUMENT",
            "duplicate output tensor alias: y",
        ),
        (
            {"inputs": {"x": FLOATS.astype(np.int32)}},
            "INVALID_ARGUMENT",
            "Expects arg[0] to be float but int32 is provided",
        ),
        (
            {"inputs": {"x": np.ones((2, 5), np.float32)}},
            "INVALID_ARGUMENT",
            "Shape of tensor _arg_serving_default_x_0_0 [2,5] is not compatible with expected shape [?,4].",
        ),
    ],
)
def test_predict_errors(prediction, request_arguments, code, message):
    with pytest.raises(grpc.RpcError) as raised:
        prediction.Predict(predict_request(**request_arguments))
    assert (raised.value.code().name, raised.value.details()) == (code, message)


def test_kernel_error_names_its_node(prediction):
    request = predict_request(inputs={"x": np.ones((2, 5), np.float32)}, signature="kernel")
    with pytest.raises(grpc.RpcError) as raised:
        prediction.Predict(request)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details().startswith(
        "Matrix size-incompatible: In[0]: [2,5], In[1]: [4,3]\n\t [[{{node "
    )


@pytest.mark.parametrize("shape", [(8, 8, 1), (8,), (), (1, 10, 10, 1), (2, 2, 2, 1), (1, 8, 8, 3)])
def test_wrong_rank_or_size_never_reaches_an_unguarded_convolution(prediction, shape):
    with pytest.raises(grpc.RpcError) as raised:
        prediction.Predict(predict_request("convolution", {"x": np.ones(shape, np.float32)}))
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "is not compatible with expected shape [?,8,8,1]." in raised.value.details()


def test_missing_model_spec_is_the_first_complaint(channel, prediction):
    status = model_service_pb2_grpc.ModelServiceStub(channel)
    for call, request in (
        (prediction.Predict, predict_pb2.PredictRequest()),
        (prediction.GetModelMetadata, get_model_metadata_pb2.GetModelMetadataRequest()),
        (status.GetModelStatus, get_model_status_pb2.GetModelStatusRequest()),
    ):
        with pytest.raises(grpc.RpcError) as raised:
            call(request)
        assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert raised.value.details() == "Missing ModelSpec"


def test_deadline_ends_the_run(prediction):
    request = predict_request(inputs={"x": np.zeros(1, np.float32)}, signature="slow")
    with pytest.raises(grpc.RpcError) as raised:
        prediction.Predict(request, timeout=0.3)
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_long_messages_are_cut(prediction):
    with pytest.raises(grpc.RpcError) as raised:
        prediction.Predict(predict_request(model="m" * 2000))
    assert len(raised.value.details()) == 1024 + len("...TRUNCATED")
    assert raised.value.details().endswith("mmm...TRUNCATED")


def metadata_request(*fields, **spec):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.CopyFrom(predict_request(**spec).model_spec)
    return request


def test_metadata_holds_every_signature(prediction):
    response = prediction.GetModelMetadata(metadata_request("signature_def"))
    assert response.model_spec.version.value == 2
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert "__saved_model_init_op" in signatures.signature_def
    assert signatures.signature_def["serving_default"].inputs["x"].name == "serving_default_x:0"


@pytest.mark.parametrize(
    ("request_message", "code", "message"),
    [
        (
            metadata_request(),
            "INVALID_ARGUMENT",
            "GetModelMetadataRequest must specify at least one metadata_field",
        ),
        (metadata_request("weights"), "INVALID_ARGUMENT", "Metadata field weights is not supported"),
        (
            metadata_request("signature_def", model="no"),
            "NOT_FOUND",
            "Servable not found for request: Latest(no)",
        ),
    ],
)
def test_metadata_errors(prediction, request_message, code, message):
    with pytest.raises(grpc.RpcError) as raised:
        prediction.GetModelMetadata(request_message)
    assert (raised.value.code().name, raised.value.details()) == (code, message)


def test_status_lists_versions_and_refuses_unknown_ones(channel):
    status = model_service_pb2_grpc.ModelServiceStub(channel)
    request = get_model_status_pb2.GetModelStatusRequest(model_spec=predict_request(label="red").model_spec)
    (entry,) = status.GetModelStatus(request).model_version_status
    assert (entry.version, entry.state, entry.status.error_code) == (2, entry.AVAILABLE, 0)
    for spec, message in (
        ({"version": 9}, "Could not find version 9 of model linear"),
        ({"model": "no"}, "Could not find any versions of model no"),
    ):
        request.model_spec.CopyFrom(predict_request(**spec).model_spec)
        with pytest.raises(grpc.RpcError) as raised:
            status.GetModelStatus(request)
        assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.NOT_FOUND, message)


def inconsistent(**fields):
    request = predict_request(inputs={"x": FLOATS})
    proto = request.inputs["x"]
    proto.ClearField("float_val")
    for name, value in fields.items():
        if name == "shape":
            del proto.tensor_shape.dim[:]
            for size in value:
                proto.tensor_shape.dim.add(size=size)
        else:
            setattr(proto, name, value)
    return request


@pytest.mark.parametrize(
    "request_message",
    [
        inconsistent(tensor_content=b"123"),
        inconsistent(dtype=0),
        inconsistent(dtype=77),
        inconsistent(dtype=20),
        inconsistent(shape=(-1, 4)),
        inconsistent(shape=(2**40, 4)),
        inconsistent(shape=(2**62, 2**62)),
        inconsistent(shape=(1,) * 300),
        inconsistent(dtype=7, shape=(2**40,)),
        inconsistent(dtype=7, tensor_content=b"\xff" * 20),
    ],
    ids=lambda request: str(request.inputs["x"]).replace("\n", " ")[:40],
)
def test_inconsistent_tensors_are_refused(prediction, request_message):
    with pytest.raises(grpc.RpcError) as raised:
        prediction.Predict(request_message)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details() == "tensor parsing error: x"


def test_hostile_bytes_leave_the_server_answering(channel, prediction):
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    valid = predict_request(inputs={"x": FLOATS}).SerializeToString()
    generator = np.random.default_rng(0)
    for body in (b"\xff" * 100, valid[:-3], *(mutate(valid, generator) for _ in range(100))):
        try:
            call(body, timeout=10)
        except grpc.RpcError as error:
            assert error.code() != grpc.StatusCode.UNAVAILABLE  # noqa: PT017 - not every mutation is an error
    assert prediction.Predict(predict_request(inputs={"x": FLOATS})).outputs


def mutate(body, generator):
    changed = bytearray(body)
    for position in generator.integers(0, len(changed), 4):
        changed[position] = generator.integers(0, 256)
    return bytes(changed)


def test_empty_batch_and_not_a_number_are_answered(prediction):
    for array in (np.zeros((0, 4), np.float32), np.full((1, 4), np.nan, np.float32)):
        response = prediction.Predict(predict_request(inputs={"x": array}))
        np.testing.assert_array_equal(outputs_of(response)["y"], array)


def test_large_messages_pass_both_ways(prediction):
    images = np.zeros((2, 1024, 1024, 3), np.uint8)
    request = predict_request("pictures", signature="invert")
    tensor_proto.fill(request.inputs["images"], images, as_content=True)
    assert outputs_of(prediction.Predict(request))["images"].min() == 255
