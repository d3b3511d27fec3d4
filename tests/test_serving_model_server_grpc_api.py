import grpc
import numpy as np
import pytest
from conformance_server import FLOATS, ROW, predict_request
from serving_models import running_server
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.wire import tensor_proto


@pytest.fixture(scope="module")
def channel(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("grpc")) as server:
        options = [("grpc.max_receive_message_length", -1)]
        with grpc.insecure_channel(f"localhost:{server.flags['port']}", options=options) as channel:
            yield channel


@pytest.fixture(scope="module")
def prediction(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


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


@pytest.mark.parametrize("shape", [(8, 8, 1), (8,), (), (1, 10, 10, 1), (2, 2, 2, 1), (1, 8, 8, 3)])
def test_wrong_rank_or_size_never_reaches_an_unguarded_convolution(prediction, shape):
    with pytest.raises(grpc.RpcError) as raised:
        prediction.Predict(predict_request({"x": np.ones(shape, np.float32)}, model="convolution"))
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "is not compatible with expected shape [?,8,8,1]." in raised.value.details()


def string_request(model, signature, alias, strings, shape):
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    request.inputs[alias].dtype = 7
    request.inputs[alias].string_val.extend(strings)
    for size in shape:
        request.inputs[alias].tensor_shape.dim.add(size=size)
    return request


@pytest.mark.parametrize(
    ("strings", "shape"), [([b"a"], (1,) * 33), ([b"a"], (1,) * 64), ([b"a" * 2**19], (3,)), ([], (2**18,))]
)
def test_strings_that_would_end_the_process_are_refused(prediction, strings, shape):
    """By so many dimensions, or by copies of one string that outgrow any memory."""
    with pytest.raises(grpc.RpcError) as raised:
        prediction.Predict(string_request("echo", "string", "x", strings, shape))
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details() == "tensor parsing error: x"


@pytest.mark.parametrize(("strings", "shape"), [([b"a"], (1,) * 32), ([b"a" * 2**18], (3,)), ([], (10**5,))])
def test_strings_within_the_limits_come_back(prediction, strings, shape):
    outputs = outputs_of(prediction.Predict(string_request("echo", "string", "x", strings, shape)))
    assert outputs["y"].shape == shape
    assert outputs["y"].ravel()[-1] == (strings[-1] if strings else b"")


def test_a_message_of_the_runtime_may_quote_bytes_that_are_no_text(prediction):
    request = string_request("examples", "predict", "inputs", [b"\xed\xa0\x80"], (1,))
    with pytest.raises(grpc.RpcError) as raised:
        prediction.Predict(request)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "Could not parse example input, value: '\ufffd" in raised.value.details()


def test_bytes_that_are_no_message_are_the_clients_error(channel):
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Classify")
    with pytest.raises(grpc.RpcError) as raised:
        call(b"\xff" * 100)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details() == (
        "The request must be a serialized tensorflow.serving.ClassificationRequest. Received: 100 bytes that "
        "are none. Send what the client library of the same protocol serializes."
    )


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
    request = predict_request(model="pictures", signature="invert")
    tensor_proto.fill(request.inputs["images"], images, as_content=True)
    assert outputs_of(prediction.Predict(request))["images"].min() == 255
