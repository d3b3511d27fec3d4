import gzip
import json
import socket

import httpx
import pytest
from serving_models import running_server

LINEAR = "/v1/models/linear:predict"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    directory = tmp_path_factory.mktemp("rest")
    with (
        running_server(directory, rest_api_timeout_in_ms=400) as server,
        httpx.Client(base_url=f"http://localhost:{server.flags['rest_api_port']}", timeout=30) as client,
    ):
        yield client


def post(client, path, body, **headers):
    return client.post(path, content=body if isinstance(body, bytes) else json.dumps(body), headers=headers)


def error_of(response):
    return response.json()["error"]


def test_row_format(client):
    response = post(client, LINEAR, {"instances": [[1, 2, 3, 4], [0.05, 0, 0, 0]]})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.text == '{\n    "predictions": [[2.0, 4.0, 6.0, 8.0], [0.1, 0.0, 0.0, 0.0]\n    ]\n}'


def test_columnar_format(client):
    response = post(client, LINEAR, {"inputs": {"x": [[1, 2, 3, 4]], "ignored": 7}})
    assert response.json() == {"outputs": [[2.0, 4.0, 6.0, 8.0]]}
    assert response.text.startswith('{\n    "outputs": [\n        [\n            2.0,\n')


def test_several_outputs_become_objects(client):
    body = {"signature_name": "two", "instances": [{"a": 1, "b": 2}, {"a": 5, "b": 3}]}
    assert post(client, LINEAR, body).json() == {
        "predictions": [{"difference": -1.0, "sum": 3.0}, {"difference": 2.0, "sum": 8.0}]
    }
    body = {"signature_name": "two", "inputs": {"a": [1, 5], "b": [2, 3]}}
    assert post(client, LINEAR, body).json() == {"outputs": {"difference": [-1.0, 2.0], "sum": [3.0, 8.0]}}


def test_bytes_are_base64_by_the_name_of_the_output(client):
    body = {"instances": [{"b64": "/9g="}, {"b64": "YmFk"}, "plain"]}
    assert post(client, "/v1/models/pictures:predict", body).json()["predictions"] == [
        {"error": "", "image_bytes": {"b64": "/9g="}},
        {"error": "not a picture", "image_bytes": {"b64": "YmFk"}},
        {"error": "", "image_bytes": {"b64": "cGxhaW4="}},
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/linear/versions/2:predict",
        "/v1/models/linear/labels/stable:predict",
        "/v1/models/%6Cinear:predict",
        "/V1/Models/linear:predict",
    ],
)
def test_url_forms(client, path):
    assert post(client, path, {"instances": [[1, 1, 1, 1]]}).status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v1/models/no:predict", 404, "Servable not found for request: Latest(no)"),
        ("/v1/models/linear/versions/7:predict", 404, "Servable not found for request: Specific(linear, 7)"),
        ("/v1/models/linear/labels/red:predict", 400, "Unrecognized servable version label: red"),
        (
            f"/v1/models/linear/versions/{2**64}:predict",
            400,
            f"Failed to convert version: {2**64} to numeric.",
        ),
        ("/v1/models/linear:predict?x=1", 400, "Malformed request: POST /v1/models/linear:predict?x=1"),
        ("/v1/models/linear:PREDICT", 400, "Malformed request: POST /v1/models/linear:PREDICT"),
        ("/v1/models/linear:explain", 400, "Malformed request: POST /v1/models/linear:explain"),
        ("/v1/models/linear", 400, "Malformed request: POST /v1/models/linear"),
    ],
)
def test_post_path_errors(client, path, status, message):
    response = post(client, path, {"instances": [[1, 1, 1, 1]]})
    assert (response.status_code, error_of(response)) == (status, message)


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", "/v1/models/no", 404, "Could not find any versions of model no"),
        ("GET", "/v1/models/linear/versions/9", 404, "Could not find version 9 of model linear"),
        ("GET", "/v1/models/no/metadata", 404, "Servable not found for request: Latest(no)"),
        ("GET", "/v1/models/linear:predict", 400, "Malformed request: GET /v1/models/linear:predict"),
        ("DELETE", "/v1/models/linear", 400, "Malformed request: DELETE /v1/models/linear"),
        ("GET", "/v1/", 400, "Malformed request: GET /v1/"),
    ],
)
def test_other_method_errors(client, method, path, status, message):
    response = client.request(method, path)
    assert (response.status_code, error_of(response)) == (status, message)


def test_error_body_is_indented_by_four(client):
    response = client.get("/v1/models/no")
    assert response.text == '{\n    "error": "Could not find any versions of model no"\n}'


@pytest.mark.parametrize("path", ["/", "/v2/models/linear", "/monitoring/prometheus/metrics"])
def test_other_paths_get_the_404_page(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "text/html"
    assert "<TITLE>404 Not Found</TITLE>" in response.text


def test_options_wants_an_origin(client):
    assert client.options("/v1/models/linear", headers={"Origin": "http://shop"}).status_code == 200
    assert client.options("/v1/models/linear").status_code == 400


def test_status_and_metadata_json(client):
    assert client.get("/v1/models/linear/labels/red").text == (
        '{\n "model_version_status": [\n  {\n   "version": "2",\n   "state": "AVAILABLE",\n   "status": {\n'
        '    "error_code": "OK",\n    "error_message": ""\n   }\n  }\n ]\n}'
    )
    metadata = client.get("/v1/models/linear/metadata").json()
    assert metadata["model_spec"] == {"name": "linear", "version": "2", "signature_name": ""}
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["x"]["tensor_shape"]["dim"][0] == {"size": "-1", "name": ""}
    assert signature["method_name"] == "tensorflow/serving/predict"


# Body, then the exact message; "..." at its end compares the beginning only.
BODY_ERRORS = [
    (b"", "JSON Parse error: The document is empty"),
    (b"{", "JSON Parse error: ..."),
    (b"[]", "JSON Value: [] Is not object"),
    ({"signature_name": 3}, "JSON Value: {\n    ..."),
    ({"signature_name": "no"}, 'Serving signature name: "no" not found in signature def'),
    ({}, "Missing 'inputs' or 'instances' key"),
    ({"instances": 3}, "JSON Value: {\n    \"instances\": 3\n} Expecting 'instances' to be an list/array"),
    ({"instances": []}, "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array"),
    (
        {"instances": [1], "inputs": 1},
        (
            'JSON Value: {\n    "instances": [\n        1\n    ],\n    "inputs": 1\n} Not formatted '
            "correctly expecting only one of 'inputs' or 'instances' keys to exist "
        ),
    ),
    (
        {"instances": [[1, 2], [3]]},
        (
            "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: "
            "Expecting tensor size: 2 but got: 1"
        ),
    ),
    (
        {"instances": [{"y": 1}]},
        (
            "Failed to process element: 0 key: y of 'instances' list. Error: INVALID_ARGUMENT: "
            "JSON object: does not have named input: y"
        ),
    ),
    (
        {"signature_name": "two", "instances": [1]},
        (
            "instances is a plain list, but expecting list of objects as multiple input "
            "tensors required as per "
            "tensorinfo_map"
        ),
    ),
    (
        {"signature_name": "two", "instances": [{"a": 1}]},
        (
            "Failed to process element: 0 of 'instances' list. JSON object: {\n    \"a\": 1\n} "
            "keys must be equal to: a,b"
        ),
    ),
    ({"inputs": {"y": 1}}, "Missing named input: x in 'inputs' object."),
    (
        {"inputs": {"x": [[1, 2], [3]]}},
        "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
    ),
    ({"inputs": ["a"]}, 'JSON Value: "a" Type: String is not of expected type: float'),
    (
        {"inputs": [[1, 2]]},
        "Shape of tensor _arg_serving_default_x_0_0 [1,2] is not compatible with expected shape [?,4].",
    ),
    ({"signature_name": "total", "instances": [1, 2]}, "Tensor name: y has no shape information "),
    (
        {"signature_name": "uneven", "instances": [1, 2]},
        "Tensor name: z has inconsistent batch size: 4 expecting: 2",
    ),
]


@pytest.mark.parametrize(("body", "message"), BODY_ERRORS, ids=[str(body)[:40] for body, _ in BODY_ERRORS])
def test_body_errors(client, body, message):
    response = post(client, LINEAR, body)
    assert response.status_code == 400
    if message.endswith("..."):
        assert error_of(response).startswith(message[:-3])
    else:
        assert error_of(response) == message


def test_types_that_json_does_not_carry_are_unimplemented(client):
    response = post(client, "/v1/models/echo:predict", {"signature_name": "float16", "inputs": [1.5]})
    assert (response.status_code, error_of(response)) == (501, "Conversion of JSON Value: 1.5 to type: half")


@pytest.mark.parametrize("shape", [[1.0] * 8, [[[1.0]] * 8] * 8, 1.0])
def test_wrong_rank_never_reaches_an_unguarded_convolution(client, shape):
    response = post(client, "/v1/models/convolution:predict", {"inputs": shape})
    assert response.status_code == 400
    assert "is not compatible with expected shape [?,8,8,1]." in error_of(response)


def test_timeout_is_a_gateway_timeout(client):
    response = post(client, LINEAR, {"signature_name": "slow", "inputs": [0]})
    assert response.status_code == 504


def test_packed_bodies(client):
    body = json.dumps({"instances": [[1, 1, 1, 1]]}).encode()
    packed = gzip.compress(body)
    assert post(client, LINEAR, packed, **{"Content-Encoding": "gzip"}).status_code == 200
    for broken in (body, packed[:-9], b""):
        response = post(client, LINEAR, broken, **{"Content-Encoding": "gzip"})
        assert error_of(response) == "JSON Parse error: The document is empty"


def test_packed_bomb_is_refused(client):
    packed = gzip.compress(b" " * (101 * 10**6))
    response = post(client, LINEAR, packed, **{"Content-Encoding": "gzip"})
    assert error_of(response) == "JSON Parse error: The document is empty"


def test_numbers_that_are_none(client):
    response = post(client, LINEAR, b'{"instances": [[NaN, Infinity, -Inf, 1]]} and more')
    assert '"predictions": [[NaN, Infinity, -Infinity, 2.0]\n' in response.text


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances": ' + b"[" * 200_000,
        b'{"inputs": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"inputs": ' + b'{"x":' * 900 + b"1" + b"}" * 901,
        b"\xff\xfe\x00" * 50,
        b'{"instances": ["\\ud800"]}',
        b'{"instances": [1' + b"0" * 10_000 + b"]}",
        b'{"instances": [null]}',
        b'{"instances": [{"b64": 3}]}',
    ],
    ids=lambda body: repr(body[:30]),
)
@pytest.mark.parametrize("model", ["linear", "pictures"])
def test_hostile_bodies_are_refused(client, model, body):
    assert post(client, f"/v1/models/{model}:predict", body).status_code == 400


def test_hostile_http_leaves_the_server_answering(client):
    address = (client.base_url.host, client.base_url.port)
    for text in (
        b"\x00\xff\r\n\r\n",
        b"POST /v1/models/linear:predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET /v1/models/%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
    assert client.get("/v1/models/linear").status_code == 200
