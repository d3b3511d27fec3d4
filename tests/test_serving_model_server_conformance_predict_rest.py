"""The bodies of REST predict requests: every refusal with TF Serving's status, words and order of checks."""

import pytest
from conformance_server import error_of, post

LINEAR = "/v1/models/linear:predict"
ECHO = "/v1/models/echo:predict"
FAILED = "Failed to process element: "
INVALID = "Error: INVALID_ARGUMENT: "

# Body, then the exact message; "..." at its end compares the beginning only.
BODY_ERRORS = [
    (b"", "JSON Parse error: The document is empty"),
    (b" \n ", "JSON Parse error: The document is empty. at offset: 3"),
    (b"{", "JSON Parse error: ..."),
    (b"[]", "JSON Value: [] Is not object"),
    (b"1.50", "JSON Value: 1.5 Is not object"),
    (b'"a\\u001f\\n"', 'JSON Value: "a\\u001F\\n" Is not object'),
    (
        b"[1.50, 1e30, 0.00001, {}]",
        "JSON Value: [1.5, 1e30, 0.00001, {}] Is not object",
    ),
    (b"[1, NaN, 2]", "JSON Value: [1,  Is not object"),
    (
        {"signature_name": 3},
        (
            'JSON Value: {\n    "signature_name": 3\n} not formatted correctly. '
            "'signature_name' key must be a string value."
        ),
    ),
    # ... and there is no input
    ({"signature_name": "no"}, 'Serving signature name: "no" not found in signature def'),
    ({}, "Missing 'inputs' or 'instances' key"),
    ({"instances": 3}, "JSON Value: {\n    \"instances\": 3\n} Expecting 'instances' to be an list/array"),
    ({"instances": {}}, "JSON Value: {\n    \"instances\": {}\n} Expecting 'instances' to be an list/array"),
    ({"instances": []}, "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array"),
    # ... and `instances` is no list
    (
        {"instances": 1, "inputs": 1},
        (
            'JSON Value: {\n    "instances": 1,\n    "inputs": 1\n} Not formatted '
            "correctly expecting only one of 'inputs' or 'instances' keys to exist "
        ),
    ),
    (
        {"instances": [[1, 2], [3]]},
        f"{FAILED}1 of 'instances' list. {INVALID}Expecting tensor size: 2 but got: 1",
    ),
    (
        {"instances": [[[1, 2], [3, 4]], [[1, 2, 3, 4]]]},
        f"{FAILED}1 of 'instances' list. {INVALID}Expecting shape [2,2] but got: [1,4]",
    ),
    (
        {"instances": [[[1, 2], [3]]]},
        (
            f"{FAILED}0 of 'instances' list. {INVALID}Encountered list at unexpected size: 1 at level: 1 "
            "expected size: 2"
        ),
    ),
    (
        {"instances": [{"y": 1}]},
        f"{FAILED}0 key: y of 'instances' list. {INVALID}JSON object: does not have named input: y",
    ),
    (
        {"instances": [{"x": [1]}, {"x": ["a"]}]},
        (
            f"{FAILED}1 key: x of 'instances' list. {INVALID}JSON Value: \"a\" Type: String is not of "
            "expected type: float"
        ),
    ),
    ({"instances": [{"x": 1}, 2]}, "Expecting object but got list at item 1 of input list"),
    ({"instances": [1, {"x": 2}]}, "Expecting value/list but got object at item 1 of input list"),
    (
        {"signature_name": "two", "instances": [1]},
        (
            "instances is a plain list, but expecting list of objects as multiple input "
            "tensors required as per tensorinfo_map"
        ),
    ),
    (
        {"signature_name": "two", "instances": [{"a": 1}]},
        f"{FAILED}0 of 'instances' list. JSON object: {{\n    \"a\": 1\n}} keys must be equal to: a,b",
    ),
    (
        {"signature_name": "two", "inputs": [1]},
        (
            "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
            "tensorinfo_map"
        ),
    ),
    ({"inputs": [[1, 2], [3]]}, "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
    ({"inputs": [1, [2]]}, "Encountered list at unexpected level: 1 expected < 1"),
    (
        {"inputs": [[1], 2]},
        "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
    ),
    ({"inputs": [{"b64": "YQ=="}]}, 'JSON Value: {\n    "b64": "YQ=="\n} Type: Object is not of expected...'),
    ({"inputs": [2**24]}, "Cannot convert JSON value: 16777216 to float without loss of precision."),
    ({"signature_name": "total", "instances": [1, 2]}, "Tensor name: y has no shape information "),
    (
        {"signature_name": "uneven", "instances": [1, 2]},
        "Tensor name: z has inconsistent batch size: 4 expecting: 2",
    ),
]


@pytest.mark.parametrize(("body", "message"), BODY_ERRORS, ids=[str(body)[:40] for body, _ in BODY_ERRORS])
def test_body_errors(body, message):
    status, error = error_of(post(LINEAR, body))
    assert status == 400
    if message.endswith("..."):
        assert error.startswith(message[:-3])
    else:
        assert error == message


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/v1/models/no:predict", b"", 400, "JSON Parse error: The document is empty"),
        ("/v1/models/no:predict", b"[]", 400, "JSON Value: [] Is not object"),
        (
            "/v1/models/no:predict",
            {"signature_name": "no"},
            404,
            "Servable not found for request: Latest(no)",
        ),
        ("/v1/models/no/labels/red:predict", {}, 400, "Unrecognized servable version label: red"),
        (
            "/v1/models/scores:predict",
            {"signature_name": "none"},
            400,
            "Failed to get input map for signature: none",
        ),
    ],
)
def test_the_body_is_read_before_the_model_and_the_model_before_the_tensors(path, body, status, message):
    assert error_of(post(path, body)) == (status, message)


NOT_OF_TYPE = "Type: {} is not of expected type: {}"
TYPE_ERRORS = [
    ("uint8", [1.0], 400, "JSON Value: 1.0 Type: Number is not of expected type: uint8"),
    ("uint8", [2**31], 400, "JSON Value: 2147483648 Type: Number is not of expected type: uint8"),
    ("int32", [True], 400, "JSON Value: true Type: True is not of expected type: int32"),
    ("int64", [2**63], 400, "JSON Value: 9223372036854775808 Type: Number is not of expected type: int64"),
    ("uint32", [-1], 400, "JSON Value: -1 Type: Number is not of expected type: uint32"),
    ("bool", [1], 400, "JSON Value: 1 Type: Number is not of expected type: bool"),
    ("string", [1], 400, "JSON Value: 1 Type: Number is not of expected type: string"),
    ("string", [None], 400, "JSON Value: null Type: Null is not of expected type: string"),
    ("string", {"b64": "%"}, 400, "Unable to base64 decode"),
    (
        "string",
        [{"b64": "YQ==", "c": 1}],
        400,
        'JSON Value: {\n    "b64": "YQ==",\n    "c": 1\n} not formatted correctly for base64 data',
    ),
    (
        "float64",
        [2**53],
        400,
        "Cannot convert JSON value: 9007199254740992 to double without loss of precision.",
    ),
    ("float16", [1.5], 501, "Conversion of JSON Value: 1.5 to type: half"),
]


@pytest.mark.parametrize(("signature", "value", "status", "message"), TYPE_ERRORS)
def test_type_errors(signature, value, status, message):
    assert error_of(post(ECHO, {"signature_name": signature, "inputs": value})) == (status, message)


@pytest.mark.parametrize(
    ("signature", "value", "text"),
    [
        (
            "float32",
            [1, 0.1, 1 / 3, 9e6, 16777216.5],
            "[\n        1.0,\n        0.1,\n        0.333333343,\n",
        ),
        ("float64", 1 / 3, "0.33333333333333331"),
        ("uint8", [256, -1], "[\n        0,\n        255\n    ]"),
        ("int64", -(2**63), "-9223372036854775808"),
        ("bool", True, "true"),
        ("string", ["\x1f\u00e9/"], '[\n        "\\u001F\u00e9/"\n    ]'),
        ("string", {"b64": "YQ"}, '"a"'),
        ("int32", [], "[]"),
        ("int32", [[], []], "[\n        [],\n        []\n    ]"),
    ],
)
def test_text_of_values(signature, value, text):
    response = post(ECHO, {"signature_name": signature, "inputs": value})
    assert response.status_code == 200
    assert response.text.startswith(f'{{\n    "outputs": {text}')


def test_of_two_members_of_one_name_the_first_counts():
    body = b'{"inputs": [[1, 2, 3, 4]], "inputs": 7, "signature_name": "serving_default"}'
    assert post(LINEAR, body).json() == {"outputs": [[2.0, 4.0, 6.0, 8.0]]}


def test_content_type_and_surplus_are_ignored():
    body = b'\xef\xbb\xbf {"inputs": {"x": [[1, 2, 3, 4]], "z": 1}, "other": 2}'
    assert post(LINEAR, body, **{"Content-Type": "text/html"}).status_code == 200
