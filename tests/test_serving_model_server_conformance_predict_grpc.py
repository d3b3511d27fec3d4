"""Predict over gRPC: what only gRPC can say, refused with TF Serving's code, words and order of checks."""

import grpc
import numpy as np
import pytest
from conformance_server import FLOATS, ROW, outcome, predict_request, prediction
from serving_models import running_server
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.wire import tensor_proto

INTEGERS = FLOATS.astype(np.int32)


def damaged(request, **fields):
    """Changes the first input of a request into a tensor that contradicts itself."""
    proto = request.inputs[min(request.inputs)]
    proto.ClearField("float_val")
    for name, value in fields.items():
        if name == "shape":
            del proto.tensor_shape.dim[:]
            for size in value:
                proto.tensor_shape.dim.add(size=size)
        else:
            setattr(proto, name, value)
    return request


def linear(*outputs, **inputs):
    return predict_request(inputs or {"x": FLOATS}, outputs)


def two(signature="two", outputs=(), **inputs):
    return predict_request(inputs, outputs, signature=signature)


SIZE = "input size does not match signature: "
# Each request is wrong in one way, or, where a comment says so, in a second way that is found later.
ERRORS = [
    (predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
    (predict_request(model=""), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
    # ... and the label is unknown
    (predict_request(model="", label="red"), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
    (predict_request(version=-1), "NOT_FOUND", "Servable not found for request: Specific(linear, -1)"),
    # ... and the input contradicts itself
    (
        damaged(two(c=ROW), dtype=77),
        "INVALID_ARGUMENT",
        f"{SIZE}1!=2 len({{c}}) != len({{a,b}}). Sent extra: {{c}}. Missing but required: {{a,b}}.",
    ),
    # ... and the output is unknown
    (
        linear("z", y=FLOATS),
        "INVALID_ARGUMENT",
        (
            "Signature input alias: x(feed name: serving_default_x:0) not found in request and no default "
            "value provided. Inputs expected to be in the request {y}, or default input alias set: "
        ),
    ),
    (
        two("defaulted", ("z",), a=ROW, c=ROW),
        "INVALID_ARGUMENT",
        "Inputs contains invalid name. Used request inputs: a, request input: a,c",
    ),
    # ... and the output is unknown
    (damaged(linear("z"), dtype=77), "INVALID_ARGUMENT", "tensor parsing error: x"),
    # ... and the input's type is wrong
    (
        linear("z", x=INTEGERS),
        "INVALID_ARGUMENT",
        "output tensor alias not found in signature: z Outputs expected to be in the set {y}.",
    ),
    (
        two(outputs=("sum", "z"), a=ROW, b=ROW),
        "INVALID_ARGUMENT",
        "output tensor alias not found in signature: z Outputs expected to be in the set {difference,sum}.",
    ),
    # ... and a later output is unknown
    (linear("y", "y", "z"), "INVALID_ARGUMENT", "duplicate output tensor alias: y"),
    # ... and the shape is wrong
    (
        linear(x=INTEGERS[:, :3]),
        "INVALID_ARGUMENT",
        "Expects arg[0] to be float but int32 is provided",
    ),
]


@pytest.mark.parametrize(("request_message", "code", "message"), ERRORS)
def test_predict_errors(request_message, code, message):
    assert outcome(prediction().Predict, request_message) == (code, message)


@pytest.mark.parametrize(
    "fields",
    [
        {"tensor_content": b"123"},
        {"dtype": 0},
        {"dtype": 77},
        {"dtype": 20},
        {"shape": (-1, 4)},
        {"shape": (2**40, 4)},
        {"shape": (2**62, 2**62)},
        {"shape": (1,) * 300},
        {"dtype": 7, "shape": (2**40,)},
        {"dtype": 7, "tensor_content": b"\xff" * 20},
    ],
    ids=str,
)
def test_tensors_that_contradict_themselves_are_refused(fields):
    request = damaged(linear(), **fields)
    assert outcome(prediction().Predict, request) == ("INVALID_ARGUMENT", "tensor parsing error: x")


@pytest.mark.parametrize(
    ("values", "expected"),
    [([3.0], [3.0] * 8), ([1.0, 2.0], [1.0] + [2.0] * 7), ([], [0.0] * 8), ([5.0] * 9, [5.0] * 8)],
)
def test_of_a_typed_list_too_short_the_last_value_repeats_and_the_rest_is_ignored(values, expected):
    request = damaged(linear())
    request.inputs["x"].float_val.extend(values)
    answer = tensor_proto.to_array(prediction().Predict(request).outputs["y"])
    assert (answer / 2).ravel().tolist() == expected


def test_a_string_that_is_no_text_comes_back():
    value = b"\x00\xff"
    request = predict_request({"x": np.array(value, object)}, model="echo", signature="string")
    proto = prediction().Predict(request).outputs["y"]
    assert (list(proto.string_val), len(proto.tensor_shape.dim)) == ([value], 0)


def test_deadline_ends_the_run():
    request = predict_request({"x": np.zeros(1, np.float32)}, signature="slow")
    code, _ = outcome(prediction().Predict, request, timeout=0.3)
    assert code == "DEADLINE_EXCEEDED"


def test_messages_beyond_the_limits_of_either_side(tmp_path):
    request = predict_request(model="pictures", signature="invert")
    images = np.zeros((1, 1000, 1000, 3), np.uint8)
    tensor_proto.fill(request.inputs["images"], images, as_content=True)
    with (
        running_server(tmp_path, grpc_channel_arguments="grpc.max_receive_message_length=1000") as server,
        grpc.insecure_channel(f"localhost:{server.flags['port']}") as channel,
    ):
        limited = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        assert outcome(limited.Predict, request) == (
            "RESOURCE_EXHAUSTED",
            f"SERVER: Received message larger than max ({request.ByteSize()} vs. 1000)",
        )
    request.inputs["images"].Clear()
    tensor_proto.fill(request.inputs["images"], images.repeat(2, 0), as_content=True)
    code, message = outcome(prediction().Predict, request)
    assert code == "RESOURCE_EXHAUSTED"
    assert "CLIENT: Received message larger than max (" in message
    assert " vs. 4194304)" in message
