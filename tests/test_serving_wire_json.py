import json

import numpy as np
import pytest

from serving.model_server.rest_api import json_responses, predict_request
from serving.wire import data_types, json_tensor, json_text
from serving.wire.status import InvalidArgument, Unimplemented

FLOAT, DOUBLE, HALF, UINT8, INT64, BOOL, STRING = (
    data_types.BY_ENUM_NAME[f"DT_{name}"]
    for name in ("FLOAT", "DOUBLE", "HALF", "UINT8", "INT64", "BOOL", "STRING")
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (1 / 3, "0.333333343"),
        (9_000_000.0, "9e+06"),
        (0.00003, "3e-05"),
        (16_777_216.0, "16777216.0"),
        (3.4028234663852886e38, "3.40282347e+38"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_float_format(value, text):
    body = json_responses.outputs({"y": np.array(value, np.float32)})
    assert body.decode() == f'{{\n    "outputs": {text}\n}}'


def test_double_format_has_seventeen_digits_where_needed():
    body = json_responses.outputs({"y": np.array(1 / 3)})
    assert b"0.33333333333333331" in body


@pytest.mark.parametrize("layout", [json_responses.predictions, json_responses.outputs])
@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
        np.linspace(-1, 1, 7, dtype=np.float32),
        np.zeros((2, 0, 3), np.int64),
        np.zeros((0, 3), np.float32),
        np.array([[True], [False]]),
        np.array([b"\x00caf\xc3\xa9\n", b'"\\'], object),
    ],
)
def test_written_arrays_read_back(layout, array):
    for outputs in ({"y": array}, {"y": array, "z": array}):
        (answer,) = json.loads(layout(outputs)).values()
        expected = [value.decode() for value in array] if array.dtype == object else array.tolist()
        columns = [answer]
        if len(outputs) == 2:
            by_row = layout is json_responses.predictions
            columns = [[row[name] for row in answer] if by_row else answer[name] for name in outputs]
        for column in columns:
            if array.dtype == np.float32:
                np.testing.assert_array_equal(np.array(column, np.float32).reshape(array.shape), array)
            else:
                assert column == expected


def test_invalid_utf8_passes_through():
    assert b'"\xff"' in json_responses.outputs({"y": np.array([b"\xff"], object)})
    (value,) = json_tensor.parse(b'{"x": "\xff"}').values()
    assert json_tensor.to_array(value, STRING) == b"\xff"


def test_layout_of_rows_with_bytes():
    outputs = {"picture_bytes": np.array([b"a"], object)}
    assert json_responses.predictions(outputs).decode() == (
        '{\n    "predictions": [{\n            "b64": "YQ=="\n        }\n    ]\n}'
    )


@pytest.mark.parametrize(
    ("value", "data_type", "expected"),
    [
        ([[1, 2.5], [3, 4]], FLOAT, [[1, 2.5], [3, 4]]),
        (7, FLOAT, 7),
        ([], FLOAT, []),
        ([[], []], FLOAT, [[], []]),
        ([[], []], HALF, [[], []]),
        ([256, -1], UINT8, [0, 255]),
        ([2**63 - 1], INT64, [2**63 - 1]),
        ([2**53 - 1, 10**30], DOUBLE, [2**53 - 1, 1e30]),
        ([True, False], BOOL, [True, False]),
        (["é", {"b64": "YQ"}, {"b64": "Y Q==\n"}], STRING, ["é".encode(), b"a", b"a"]),
    ],
)
def test_values_that_fit(value, data_type, expected):
    array = json_tensor.to_array(value, data_type)
    assert array.dtype == data_type.numpy
    np.testing.assert_array_equal(array, np.array(expected, data_type.numpy))


@pytest.mark.parametrize(
    ("value", "data_type", "message"),
    [
        (True, FLOAT, "JSON Value: true Type: True is not of expected type: float"),
        (None, STRING, "JSON Value: null Type: Null is not of expected type: string"),
        ([1, [2]], FLOAT, "Encountered list at unexpected level: 1 expected < 1"),
        ([[1], 2], FLOAT, "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
        ([1.0], UINT8, "JSON Value: 1.0 Type: Number is not of expected type: uint8"),
        ([2**31], UINT8, "JSON Value: 2147483648 Type: Number is not of expected type: uint8"),
        ([2**63], INT64, "JSON Value: 9223372036854775808 Type: Number is not of expected type: int64"),
        ([1], BOOL, "JSON Value: 1 Type: Number is not of expected type: bool"),
        ([2**24], FLOAT, "Cannot convert JSON value: 16777216 to float without loss of precision."),
        ([1e39], FLOAT, "Cannot convert JSON value: 1e39 to float without loss of precision."),
        ([{"b64": "%"}], STRING, "Unable to base64 decode"),
        ([{"b64": "YQ==", "c": 1}], STRING, "not formatted correctly for base64 data"),
        ([{"b64": "YQ=="}], FLOAT, "Type: Object is not of expected type: float"),
    ],
)
def test_values_that_do_not_fit(value, data_type, message):
    with pytest.raises(InvalidArgument) as raised:
        json_tensor.to_array(value, data_type)
    assert message in raised.value.message


def test_fast_and_slow_way_agree():
    image = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3)).tolist()
    fast = predict_request.read_inputs({"instances": image}, {"x": UINT8.number}, "s")["x"]
    slow = predict_request._read_rows(image, {"x": UINT8.number})["x"]
    np.testing.assert_array_equal(fast, slow)


def test_unknown_data_type_is_unimplemented():
    with pytest.raises(Unimplemented):
        predict_request.read_inputs({"inputs": 1}, {"x": 21}, "s")


@pytest.mark.parametrize(("name", "shown"), [("", "DEFAULT"), ("none", "none")])
def test_a_signature_without_inputs_takes_no_body(name, shown):
    with pytest.raises(InvalidArgument, match=f"Failed to get input map for signature: {shown}$"):
        predict_request.read_inputs({"inputs": 1}, {}, name)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e21, "1e21"),
        (123456789012345680000.0, "123456789012345680000.0"),
        (-1.5e-7, "-1.5e-7"),
        (1e-6, "0.000001"),
        (12.5, "12.5"),
        (-0.0, "-0.0"),
        (5e-324, "5e-324"),
        (10**30, "1e30"),
        (2**64 - 1, "18446744073709551615"),
    ],
)
def test_numbers_inside_of_quoted_values(value, text):
    assert json_text.to_text([value]) == f"[{text}]"
    assert json_text.to_text(value) == text


def test_values_too_deep_or_too_big_to_quote():
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert json_text.to_text(deep) == "[" * 256
    with pytest.raises(InvalidArgument, match="Number too big"):
        json_text.to_text([10**400])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([[1, 2.5], [], {}], "[[1, 2.5], [], {}]"),
        ({"a": [1, {"b": 2}]}, '{\n    "a": [1, {\n            "b": 2\n        }]\n}'),
        ("x" * 300, '"' + "x" * 255),
        (["é" * 200], '["' + "é" * 127),
        (float("nan"), ""),
    ],
)
def test_quoted_values_have_lists_on_one_line_and_at_most_256_bytes(value, text):
    assert json_text.to_text(value) == text
    assert len(text.encode()) <= 256


@pytest.mark.parametrize(("value", "neighbours"), [(2**63, (1, -1)), (-(2**63), (1,))])
def test_the_one_large_integer_that_tf_serving_takes_as_a_decimal(value, neighbours):
    assert json_tensor.to_array([value], FLOAT).tolist() == [float(value)]
    for beside in (value + step for step in neighbours):
        with pytest.raises(InvalidArgument, match="without loss of precision"):
            json_tensor.to_array([beside], FLOAT)
