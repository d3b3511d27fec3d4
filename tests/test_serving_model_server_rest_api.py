import gzip
import json
import socket

import httpx2
import pytest
from serving_models import running_server

LINEAR = "/v1/models/linear:predict"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    directory = tmp_path_factory.mktemp("rest")
    with (
        running_server(directory, rest_api_timeout_in_ms=400) as server,
        httpx2.Client(base_url=f"http://localhost:{server.flags['rest_api_port']}", timeout=30) as client,
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


@pytest.mark.parametrize("shape", [[1.0] * 8, [[[1.0]] * 8] * 8, 1.0])
def test_wrong_rank_never_reaches_an_unguarded_convolution(client, shape):
    response = post(client, "/v1/models/convolution:predict", {"inputs": shape})
    assert response.status_code == 400
    assert "is not compatible with expected shape [?,8,8,1]." in error_of(response)


@pytest.mark.parametrize(("depth", "status"), [(32, 200), (33, 400), (64, 400), (65, 400)])
def test_strings_of_many_dimensions_leave_the_server_answering(client, depth, status):
    body = f'{{"signature_name": "string", "inputs": {"[" * depth}"a"{"]" * depth}}}'
    response = client.post("/v1/models/echo:predict", content=body)
    assert response.status_code == status
    assert client.get("/v1/models/echo").status_code == 200


def test_timeout_is_a_gateway_timeout(client):
    response = post(client, LINEAR, {"signature_name": "slow", "inputs": [0]})
    assert response.status_code == 504


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
