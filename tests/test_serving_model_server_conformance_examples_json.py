"""Classify and Regress over REST: JSON to features, every refusal in order, and the text of answers."""

import json

import pytest
from conformance_server import error_of, post
from inference_requests import FAR, NEAR


def feature_error(value):
    return error_of(post("/v1/models/examples:classify", {"examples": [{"x": [1.0, 2.0]}, {"f": value}]}))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "Feature: f has element with unexpected JSON type: Null"),
        ([[1]], "Feature: f has element with unexpected JSON type: Array"),
        ([{"b64": 1}], "Feature: f has element with unexpected JSON type: Object"),
        ([{"b64": "YQ==", "c": 1}], "Feature: f has element with unexpected JSON type: Object"),
        ([{"b64": "%"}], "Unable to base64 decode"),
        ([1, 2.5], "Unexpected element type in feature: f expecting type: int64"),
        ([True, "a"], "Unexpected element type in feature: f expecting type: int64"),
        ([1.5, 2], "Unexpected element type in feature: f expecting type: float"),
        (["a", 1], "Unexpected element type in feature: f expecting type: bytes"),
        ([1.5, {"b64": "YQ=="}], "Unexpected element type in feature: f expecting type: float"),
        ([2**63], "Feature: f has uint64 element. Only int64 is supported."),
        ([1e39], "Cannot convert JSON value: 1e39 to float without loss of precision."),
        ([10**39], "Cannot convert JSON value: 1e39 to float without loss of precision."),
    ],
)
def test_feature_errors(value, message):
    assert feature_error(value) == (400, message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"signature_name": 3, "context": 1}, "...'signature_name' key must be a string value."),
        ({"context": 1}, "Example must be JSON object but got JSON Number"),
        (
            {"context": {}},
            (
                'JSON Value: {\n    "context": {}\n} When method is classify, '
                "key 'examples' is expected and was not found"
            ),
        ),
        (
            {"examples": {}},
            "JSON Value: {\n    \"examples\": {}\n} Expecting 'examples' value to be an list/array",
        ),
        ({"examples": []}, "JSON Value: {\n    \"examples\": []\n} 'examples' value is an empty array"),
        ({"examples": [{}, [1]]}, "Example must be JSON object but got JSON Array"),
        ({"examples": [True]}, "Example must be JSON object but got JSON True"),
    ],
)
@pytest.mark.parametrize("method", ["classify", "regress"])
def test_the_body_is_read_before_the_model_is_looked_up(method, body, message):
    status, error = error_of(post(f"/v1/models/no:{method}", body))
    assert status == 400
    assert error.endswith(message[3:]) if message.startswith("...") else error == message


def test_methods_have_small_letters():
    path = "/v1/models/examples:Classify"
    body = {"signature_name": "no", "examples": [{}]}
    assert error_of(post(path, body)) == (400, f"Malformed request: POST {path}")


def test_values_of_every_json_type_become_features():
    body = json.dumps(
        {"examples": [{"x": [1.0, 2.0], "i": [1, -1], "b": True, "e": [], "n": [float("nan")]}]}
    )
    assert post("/v1/models/examples:classify", body.encode()).status_code == 200
    body = {"examples": [{"x": [1.0, 2.0], "name": {"b64": "c2hvZQ=="}}]}
    assert post("/v1/models/examples:classify", body).json()["results"][0][0] == ["shoe", 1.0]


def test_text_of_answers():
    response = post("/v1/models/examples:classify", {"examples": [FAR, NEAR]})
    assert response.headers["content-type"] == "application/json"
    assert response.text == (
        '{\n    "results": [[["shoe", 0.25], ["other", 0.333333343]], '
        '[["unnamed", 1.0], ["other", 9e+06]]\n    ]\n}'
    )
    body = {"signature_name": "regress", "examples": [NEAR, {"x": [1.5, 0.0]}]}
    assert (
        post("/v1/models/examples/versions/1:regress", body).text == '{\n    "results": [9000001.0, 1.5]\n}'
    )
