"""REST's paths, methods and headers: what matches, what is refused, and how."""

import gzip
import json

import httpx2
import pytest
from conformance_server import error_of, post, rest
from serving_models import running_server

BODY = {"instances": [[1, 1, 1, 1]]}
LINEAR = "/v1/models/linear:predict"


@pytest.mark.parametrize(
    "path",
    [
        LINEAR,
        "/v1/models/linear/versions/2:predict",
        "/v1/models/linear/versions/002:predict",
        "/v1/models/linear/labels/stable:predict",
        "/v1/models/linear/labels/%73table:predict",
        "/v1/models/%6Cinear:predict",
        "/V1/Models/linear/Versions/2:predict",
    ],
)
def test_paths_that_predict(path):
    assert post(path, BODY).status_code == 200


TOO_LARGE = 2**63


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v1/models/Linear:predict", 404, "Servable not found for request: Latest(Linear)"),
        ("/v1/models/a%2Fb+c%20d:predict", 404, "Servable not found for request: Latest(a/b+c d)"),
        ("/v1/models/a%1fb:predict", 404, "Servable not found for request: Latest(a\x1fb)"),
        ("/v1/models/a%zz:predict", 404, "Servable not found for request: Latest(a%zz)"),
        (
            f"/v1/models/linear/versions/{TOO_LARGE - 1}:predict",
            404,
            f"Servable not found for request: Specific(linear, {TOO_LARGE - 1})",
        ),
        (
            f"/v1/models/linear/versions/{'0' * 5000}7:predict",
            404,
            "Servable not found for request: Specific(linear, 7)",
        ),
        ("/v1/models/linear/labels/2%3A:predict", 400, "Unrecognized servable version label: 2:"),
    ],
)
def test_paths_that_mean_nothing_here(path, status, message):
    assert error_of(post(path, BODY)) == (status, message)


@pytest.mark.parametrize("version", [TOO_LARGE, "9" * 5000], ids=["2^63", "5000 digits"])
@pytest.mark.parametrize("tail", ["", "/metadata"])
def test_a_version_beyond_64_bits_is_refused_without_a_body(version, tail):
    path = f"/v1/models/linear/versions/{version}"
    for response in (rest().get(f"{path}{tail}"), post(f"{path}:predict", BODY)):
        assert (response.status_code, response.content) == (400, b"")


MALFORMED = [
    ("POST", "/v1/"),
    ("POST", "/v1/models"),
    ("POST", "/v1/models/linear"),
    ("POST", "/v1/models/linear/metadata"),
    ("POST", "/v1/models/linear:explain"),
    ("POST", "/v1/models/linear:PREDICT"),
    ("POST", "/v1/models/linear:predict/"),
    ("POST", "/v1/models/linear:predict?x=1"),
    ("POST", "/v1/models//versions/1:predict"),
    ("POST", "/v1/models/linear/versions/-1:predict"),
    ("POST", "/v1/models/linear/versions/two:predict"),
    ("POST", "/v1/models/linear/versions/2/labels/stable:predict"),
    ("POST", "/v1/models/linear/labels/:predict"),
    ("GET", "/v1/"),
    ("GET", "/v1/models/"),
    ("GET", "/v1/models/linear/"),
    ("GET", "/v1/models/linear:predict"),
    ("GET", "/v1/models/linear/versions/two"),
    ("GET", "/v1/models/linear/metadata/x"),
    ("PUT", LINEAR),
    ("DELETE", "/v1/models/linear"),
    ("PATCH", "/v1/models/linear"),
]


@pytest.mark.parametrize(("method", "path"), MALFORMED)
def test_malformed_requests(method, path):
    response = rest().request(method, path)
    assert error_of(response) == (400, f"Malformed request: {method} {path}")
    assert response.headers["content-type"] == "application/json"


def test_a_head_of_a_path_is_malformed_and_has_no_body():
    response = rest().head("/v1/models/linear")
    assert (response.status_code, response.content) == (400, b"")


def test_layout_and_escapes_of_an_error():
    assert rest().get("/v1/models/no").text == '{\n    "error": "Could not find any versions of model no"\n}'
    text = rest().get("/v1/models/%1f%22%0a").text
    assert text == '{\n    "error": "Could not find any versions of model \\u001F\\"\\n"\n}'


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/models/linear", "/monitoring/prometheus/metrics"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_other_paths_get_the_404_page(method, path):
    response = rest().request(method, path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "text/html"
    assert response.text == (
        "<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"
    )


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://shop", 200), ("https://shop:8080", 200), ("ftp://shop", 400), ("null", 400), (None, 400)],
)
@pytest.mark.parametrize("path", [LINEAR, "/v1/nothing"])
def test_options_wants_an_origin(path, origin, status):
    response = rest().options(path, headers={"Origin": origin} if origin else {})
    assert (response.status_code, response.content) == (status, b"")
    # What libevent says about an answer that nobody gave a type.
    assert response.headers["content-type"] == "text/html; charset=ISO-8859-1"


def test_cors_headers_are_on_every_answer_when_asked_for(tmp_path):
    expected = {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "POST, GET",
        "access-control-allow-headers": "Content-Type",
    }
    with running_server(tmp_path, rest_api_enable_cors_support=True) as server:
        address = f"http://localhost:{server.flags['rest_api_port']}"
        for response in (
            httpx2.get(f"{address}/v1/models/linear"),
            httpx2.get(f"{address}/v1/models/no"),
            httpx2.post(f"{address}{LINEAR}", json=BODY),
            httpx2.options(f"{address}{LINEAR}"),
        ):
            assert expected.items() <= response.headers.items()
    assert not any(name.startswith("access-control") for name in rest().get("/v1/models/linear").headers)


def test_packed_bodies():
    body = json.dumps(BODY).encode()
    packed = gzip.compress(body)
    for encoding in ("gzip", "x-gzip", "deflate, gzip"):
        assert post(LINEAR, packed, **{"Content-Encoding": encoding}).status_code == 200
    for broken in (body, packed[:-9], b""):
        response = post(LINEAR, broken, **{"Content-Encoding": "gzip"})
        assert error_of(response) == (400, "JSON Parse error: The document is empty")
    # Names of encodings are compared as they are; an unknown one is no reason to touch the body.
    assert post(LINEAR, body, **{"Content-Encoding": "GZIP"}).status_code == 200
    assert "content-encoding" not in post(LINEAR, body, **{"Accept-Encoding": "gzip"}).headers
