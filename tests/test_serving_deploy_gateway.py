"""The gateway's nginx, for real: in front of the embedded server, of a server that is silent, and of none."""

import http.server
import json
import re
import socket
import ssl
import threading
import time

import grpc
import httpx2
import numpy as np
import pytest
from deployed_server import running_deployed_server
from free_ports import free_ports
from running_gateway import running_gateway, secrets
from serving_models import models_dir

from serving.client.connection import connect
from serving.client.errors import AccessDeniedError
from serving.deploy.deployment import Deployment
from serving.wire import messages, tensor_proto

pytestmark = pytest.mark.slow

PREDICT = "/tensorflow.serving.PredictionService/Predict"
METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
BODY = {"instances": [[1.0, 2.0, 3.0, 4.0]]}
RATE, BURST = 2, 12


@pytest.fixture(scope="module")
def secrets_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("secrets")
    assert secrets(directory, "certificate", "gateway.example").returncode == 0
    return directory


@pytest.fixture
def key(secrets_dir, request):
    """A key of a client of its own, so that tests do not use up each other's rate."""
    return new_key(secrets_dir, request.node.name[:40].rstrip("[]"))


def new_key(secrets_dir, client):
    added = secrets(secrets_dir, "add", re.sub(r"\W", "-", client))
    assert added.returncode == 0, added.stderr
    return added.stdout.strip()


def limits(secrets_dir):
    return {
        "secrets_dir": str(secrets_dir / "gateway"),
        "max_request_megabytes": 1,
        "requests_per_second": RATE,
        "burst_requests": BURST,
    }


def deployment_for(secrets_dir, port, rest_api_port, **changes):
    """The deployment of a server that is none of ours."""
    ports = (port, rest_api_port, free_ports(1)[0])
    return Deployment(models_dir(), *ports, serving_host="127.0.0.1", **limits(secrets_dir), **changes)


@pytest.fixture(scope="module")
def served(secrets_dir, tmp_path_factory):
    """The deployment of a server that runs, and the directory of its files."""
    directory = tmp_path_factory.mktemp("deploy")
    with running_deployed_server(directory, **limits(secrets_dir)) as deployment:
        yield deployment, directory


@pytest.fixture
def gateway(served, key):
    # After the key: nginx reads the file when it starts.
    with running_gateway(served[0]) as running:
        yield running


def predict_request(rows=1):
    request = messages.PredictRequest(model_spec=messages.ModelSpec(name="linear"))
    tensor_proto.fill(request.inputs["x"], np.ones((rows, 4), np.float32), as_content=True)
    return request.SerializeToString()


def error(response):
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error"]
    return response.status_code, response.json()["error"]


def test_open_routes_answer_over_tls(gateway, key):
    with gateway.rest(key) as client:
        predictions = client.post("/v1/models/linear:predict", json=BODY).json()["predictions"]
        assert predictions == [[2.0, 4.0, 6.0, 8.0]]
        assert client.post("/v1/models/linear/versions/2:predict", json=BODY).status_code == 200
        assert client.post("/v1/models/linear/labels/stable:predict", json=BODY).status_code == 200
        assert client.get("/v1/models/linear").json()["model_version_status"][0]["state"] == "AVAILABLE"
        assert "signature_def" in client.get("/v1/models/linear/metadata").json()["metadata"]
        # The server's own errors pass unchanged.
        assert error(client.get("/v1/models/no/metadata"))[0] == 404
    answer = messages.PredictResponse.FromString(gateway.call(PREDICT, predict_request(), key))
    assert tensor_proto.to_array(answer.outputs["y"]).tolist() == [[2, 2, 2, 2]]
    spec = messages.ModelSpec(name="linear")
    metadata = messages.GetModelMetadataRequest(model_spec=spec, metadata_field=["signature_def"])
    assert b"serving_default" in gateway.call(METADATA, metadata.SerializeToString(), key)
    status = messages.GetModelStatusRequest(model_spec=spec)
    assert isinstance(gateway.call(STATUS, status.SerializeToString(), key), bytes)
    unknown = messages.PredictRequest(model_spec=messages.ModelSpec(name="no")).SerializeToString()
    assert gateway.call(PREDICT, unknown, key) == ("NOT_FOUND", "Servable not found for request: Latest(no)")


def test_only_tls_is_spoken(gateway, key):
    port = gateway.deployment.gateway_port
    plain = httpx2.get(f"http://localhost:{port}/v1/models/linear", trust_env=False)
    assert error(plain) == (400, "The gateway does not understand this request. Send HTTPS requests.")
    untrusting = httpx2.Client(base_url=f"https://localhost:{port}", trust_env=False)
    with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        untrusting.get("/v1/models/linear")
    plain = grpc.insecure_channel(f"localhost:{port}", [("grpc.enable_http_proxy", 0)])
    with plain, pytest.raises(grpc.RpcError) as raised:
        plain.unary_unary(PREDICT)(predict_request(), timeout=5)
    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("sent", "problem"), [(None, "An API key is missing"), ("0123abcd", "This API key is unknown")]
)
def test_nobody_gets_in_without_a_key_that_is_known(gateway, sent, problem):
    for path in ("/v1/models/linear", "/v1/models/linear/metadata", "/monitoring/prometheus/metrics", "/"):
        with gateway.rest(sent) as client:
            response = client.get(path)
        assert error(response) == (401, f"{problem}. Send the header Authorization: Bearer KEY.")
        assert response.headers["www-authenticate"] == "Bearer"
    for path in (PREDICT, METADATA, STATUS, "/tensorflow.serving.ModelService/HandleReloadConfigRequest"):
        assert gateway.call(path, predict_request(), sent) == (
            "UNAUTHENTICATED",
            f"{problem}. Send the metadata authorization: Bearer KEY.",
        )


@pytest.mark.parametrize("scheme", ["https", "grpcs"])
def test_the_projects_own_clients_come_in(gateway, key, scheme):
    address = f"{scheme}://localhost:{gateway.deployment.gateway_port}"
    with connect(address, ca_file=str(gateway.certificate), api_key=key) as client:
        assert client.status("linear") == {2: "AVAILABLE"}
        outputs = client.predict("linear", {"x": np.ones((1, 4), np.float32)})
        assert outputs["y"].tolist() == [[2, 2, 2, 2]]
        assert "two" in client.signatures("linear")
    stranger = connect(address, ca_file=str(gateway.certificate), api_key="0123abcd")
    with stranger, pytest.raises(AccessDeniedError, match="This API key is unknown"):
        stranger.status("linear")


def test_everything_else_is_closed(gateway, key):
    closed = "This method is not open to clients. Use Predict, GetModelMetadata or GetModelStatus."
    for path in (
        "/tensorflow.serving.ModelService/HandleReloadConfigRequest",
        "/tensorflow.serving.PredictionService/Classify",
        "/tensorflow.ProfilerService/Profile",
    ):
        assert gateway.call(path, predict_request(), key) == ("PERMISSION_DENIED", closed)
    code, _ = gateway.call("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", b"", key)
    assert code == "UNIMPLEMENTED"
    with gateway.rest(key) as client:
        for method, path, status in (
            ("POST", "/v1/models/linear:classify", 403),
            ("POST", "/v1/models/linear%3Aclassify", 403),
            ("GET", "/monitoring/prometheus/metrics", 403),
            ("GET", "/v1/models/x%2F..%2F..%2F..%2Fmonitoring/prometheus/metrics", 403),
            ("GET", "/v1/models", 403),
            ("GET", "/v1/models/linear%0Aline", 403),
            ("GET", "/v1/models/linear%0A", 403),
            ("GET", "/index.html", 404),
            ("GET", "/v1/models/linear:predict", 405),
            ("DELETE", "/v1/models/linear", 405),
        ):
            assert error(client.request(method, path))[0] == status, path
        message = error(client.post("/v1/models/linear:classify", json={}))[1]
    assert message == "This route is not open to clients. Use predict, metadata or status."


def test_too_large_requests_never_reach_the_server(gateway, key):
    too_large = "A request may have at most 1 MiB. Send fewer or smaller photos."
    with gateway.rest(key) as client:
        response = client.post("/v1/models/linear:predict", content=b" " * 1_100_000)
        assert error(response) == (413, too_large)
        pieces = (b" " * 100_000 for _ in range(11))
        assert error(client.post("/v1/models/linear:predict", content=pieces)) == (413, too_large)
    assert gateway.call(PREDICT, predict_request(80_000), key) == ("RESOURCE_EXHAUSTED", too_large)
    # Below the limit it is the server's to refuse.
    code, message = gateway.call(PREDICT, predict_request(60_000), key)
    assert (code, "rows" in message) == ("INVALID_ARGUMENT", True)


def test_each_key_has_a_rate_of_its_own(served, secrets_dir):
    hasty, hasty_grpc, patient = (new_key(secrets_dir, name) for name in ("hasty", "hasty-grpc", "patient"))
    too_fast = f"A client may send at most {RATE} requests per second. Wait, and try again."
    with running_gateway(served[0]) as gateway:
        with gateway.rest(hasty) as client:
            # Many more than what a slow machine could take until the last of them.
            answers = [client.get("/v1/models/linear") for _ in range(10 * BURST)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert {answer.status_code for answer in answers[:BURST]} == {200}
        assert error(refused[0]) == (429, too_fast)
        assert refused[0].headers["retry-after"] == "1"
        answers = [gateway.call(PREDICT, predict_request(), hasty_grpc) for _ in range(10 * BURST)]
        assert ("RESOURCE_EXHAUSTED", too_fast) in answers
        with gateway.rest(patient) as client:
            assert client.get("/v1/models/linear").status_code == 200


def test_revoked_keys_end_and_new_ones_begin_at_a_reload(gateway, key, secrets_dir):
    assert secrets(secrets_dir, "revoke", "another").returncode == 1
    client_name = re.search(rf"{key}\" (\S+);", (secrets_dir / "gateway" / "api_keys.map").read_text())[1]
    assert secrets(secrets_dir, "revoke", client_name).returncode == 0
    new = new_key(secrets_dir, "new")
    gateway.reload()

    def status(sent):
        with gateway.rest(sent) as client:
            return client.get("/v1/models/linear").status_code

    # Workers from before may accept connections for a moment beside the new ones.
    end = time.monotonic() + 60
    while (status(new), status(key)) != (200, 401):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_log_names_clients_and_no_keys(gateway, key):
    with gateway.rest(key) as client:
        client.post("/v1/models/linear:predict", json=BODY)
    gateway.call(PREDICT, predict_request(), key)
    gateway.call(STATUS, b"", "0123abcd")
    # A line is written after its answer.
    for _ in range(400):
        lines = [json.loads(line) for line in gateway.log().splitlines() if line.startswith("{")]
        if len(lines) == 3:
            break
        time.sleep(0.05)
    named = [line for line in lines if line["client"]]
    assert [(line["client"], line["status"]) for line in named] == [
        ("test_log_names_clients_and_no_keys", 200)
    ] * 2
    assert [line["grpc_status"] for line in lines] == ["", "0", "16"]
    assert key not in gateway.log()
    assert "0123abcd" not in gateway.log()


def test_no_server_is_said_as_such(secrets_dir, key):
    nowhere = "The model server does not answer. It may be starting; try again."
    with running_gateway(deployment_for(secrets_dir, *free_ports(2))) as gateway:
        with gateway.rest(key) as client:
            assert error(client.get("/v1/models/linear")) == (502, nowhere)
            assert error(client.post("/v1/models/linear:predict", json=BODY)) == (502, nowhere)
        assert gateway.call(PREDICT, predict_request(), key) == ("UNAVAILABLE", nowhere)


def test_a_silent_server_is_not_waited_for_for_ever(secrets_dir, key):
    silent = "The model server did not answer within 6 seconds."
    with (
        socket.create_server(("127.0.0.1", 0)) as grpc_port,
        socket.create_server(("127.0.0.1", 0)) as rest_port,
    ):
        ports = [server.getsockname()[1] for server in (grpc_port, rest_port)]
        with running_gateway(deployment_for(secrets_dir, *ports, timeout_seconds=1)) as gateway:
            answers = []
            ask = threading.Thread(
                target=lambda: answers.append(gateway.call(PREDICT, predict_request(), key))
            )
            ask.start()
            with gateway.rest(key) as client:
                assert error(client.get("/v1/models/linear")) == (504, silent)
            ask.join()
            assert answers == [("DEADLINE_EXCEEDED", silent)]


def test_keys_stay_at_the_gateway(secrets_dir, key):
    seen = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        deployment = deployment_for(secrets_dir, free_ports(1)[0], server.server_port)
        with running_gateway(deployment) as gateway, gateway.rest(key) as client:
            assert client.get("/v1/models/linear").status_code == 200
        server.shutdown()
    (headers,) = seen
    assert "authorization" not in headers
    assert key not in str(headers)


def exchange(gateway, request: bytes) -> tuple[int, str]:
    """Sends bytes over TLS; returns status and error of what comes back until the gateway closes."""
    context = ssl.create_default_context(cafile=gateway.certificate)
    with (
        socket.create_connection(("localhost", gateway.deployment.gateway_port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(request)
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/json" in head
    return int(head.split()[1]), json.loads(body)["error"]


def test_odd_requests_are_answered_in_json_and_logged(gateway, key):
    """Without their headers nginx does not know whose they are; it logs their first line."""
    begin = "Host: localhost\r\nConnection: close\r\n"
    one_key = f"Authorization: Bearer {key}\r\n"
    lines = [
        ("GET /v1/models/linear%00 HTTP/1.1", begin + one_key),
        ("GET /v1/models/linear HTTP/1.1", begin + 2 * one_key),
        (f"GET /{'x' * 10_000} HTTP/1.1", begin + one_key),
    ]
    for line, headers in lines:
        code, message = exchange(gateway, f"{line}\r\n{headers}\r\n".encode())
        assert code in (400, 414)
        assert "Send a path without %00, one Authorization header, and lines of at most 8 kB." in message
    for _ in range(400):  # a line is written after its answer
        logged = [json.loads(line) for line in gateway.log().splitlines() if line.startswith("{")]
        if len(logged) == len(lines):
            break
        time.sleep(0.05)
    assert [entry["request"][:30] for entry in logged] == [line[:30] for line, _ in lines]
    with gateway.rest(key) as client:
        assert error(client.get("/.bad-request"))[0] == 404
