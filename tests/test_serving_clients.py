import numpy as np
import pytest
from free_ports import free_port
from serving_models import running_server

from serving.client import PredictionError, RowError, ServerUnreachableError, TensorDescription, connect
from serving.grpc_client import GrpcClient
from serving.rest_client import RestClient


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("clients")) as server:
        grpc_client = connect(f"localhost:{server.flags['port']}", timeout_seconds=20)
        rest_client = connect(f"http://localhost:{server.flags['rest_api_port']}", timeout_seconds=20)
        with grpc_client, rest_client:
            yield {"grpc": grpc_client, "rest": rest_client}


@pytest.fixture(params=["grpc", "rest"])
def client(request, clients):
    return clients[request.param]


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("localhost:8500", GrpcClient),
        ("grpc://[::1]:8500", GrpcClient),
        ("http://localhost:8501/", RestClient),
    ],
)
def test_scheme_picks_the_protocol(address, kind):
    with connect(address) as client:
        assert isinstance(client, kind)


@pytest.mark.parametrize("address", ["localhost", "localhost:", ":8500", "ftp://a:1", "https://a:1", "a:b"])
def test_addresses_of_another_form_are_refused(address):
    with pytest.raises(ValueError, match="address must be HOST:PORT") as raised:
        connect(address)
    assert f"address={address!r}" in str(raised.value)


GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("model", "signature", "inputs"),
    [
        ("linear", "serving_default", {"x": GENERATOR.normal(size=(3, 4)).astype(np.float32)}),
        ("linear", "two", {"a": np.float32([1, 2]), "b": np.float32([3, np.nan])}),
        ("pictures", "invert", {"images": GENERATOR.integers(0, 256, (2, 9, 7, 3), np.uint8)}),
        ("pictures", "serving_default", {"image_bytes": [b"\x89PNG\x00\x00", b""]}),
        ("echo", "string", {"x": [["a", b"\xff\x00"], ["é", b""]]}),
        ("echo", "float32", {"x": np.float32([1 / 3, 1e-38, 3.4e38, np.inf, -np.inf, -0.0])}),
        ("echo", "float64", {"x": GENERATOR.normal(size=5)}),
        ("echo", "int32", {"x": np.int32([[-(2**31)], [2**31 - 1]])}),
        ("echo", "int64", {"x": [2**62, -1]}),
        ("echo", "uint8", {"x": np.uint8(7)}),
        ("echo", "uint32", {"x": np.uint32([2**32 - 1])}),
        ("echo", "bool", {"x": [True, False]}),
    ],
)
def test_both_protocols_answer_the_same_arrays(clients, model, signature, inputs):
    over_grpc, over_rest = (client.predict(model, inputs, signature) for client in clients.values())
    assert over_grpc.keys() == over_rest.keys()
    for name, array in over_grpc.items():
        assert (array.dtype, array.shape) == (over_rest[name].dtype, over_rest[name].shape)
        np.testing.assert_array_equal(array, over_rest[name])


def test_bytes_come_back_whole(client):
    outputs = client.predict("pictures", {"image_bytes": [b"\x89PNG\x00\x00"]})
    assert outputs["image_bytes"].tolist() == [b"\x89PNG\x00\x00"]


def test_versions_and_labels(client):
    inputs = {"x": [[1.0, 1.0, 1.0, 1.0]]}
    assert client.predict("linear", inputs, version=2)["y"].tolist() == [[2, 2, 2, 2]]
    assert client.predict("linear", inputs, version_label="stable")["y"].tolist() == [[2, 2, 2, 2]]
    with pytest.raises(PredictionError, match=r"Specific\(linear, 1\)") as raised:
        client.predict("linear", inputs, version=1)
    assert raised.value.http_status == 404


def test_output_filter_of_grpc(clients):
    outputs = clients["grpc"].predict("linear", {"a": [1.0], "b": [2.0]}, "two", output_filter=["sum"])
    assert outputs.keys() == {"sum"}


def test_signatures_are_described(client):
    signatures = client.signatures("pictures")
    assert list(signatures) == ["invert", "serving_default"]
    assert signatures["invert"].inputs == {"images": TensorDescription("uint8", (-1, -1, -1, 3))}
    assert signatures["serving_default"].outputs == {
        "error": TensorDescription("string", (-1,)),
        "image_bytes": TensorDescription("string", (-1,)),
    }
    assert client.signatures("echo")["float32"].inputs["x"].shape is None


def test_status(client):
    assert client.status("linear") == {2: "AVAILABLE"}


def test_rows_with_an_error_are_named(client):
    with pytest.raises(RowError) as raised:
        client.predict("pictures", {"image_bytes": [b"fine", b"bad", b"bad"]})
    assert raised.value.errors == {1: "not a picture", 2: "not a picture"}
    assert str(raised.value) == (
        "2 of 3 rows could not be answered. row 1: not a picture; row 2: not a picture"
    )


def test_errors_carry_status_and_message(clients):
    wrong = {"x": np.ones((1, 5), np.float32)}
    statuses = []
    for client in clients.values():
        with pytest.raises(PredictionError, match=r"expected shape \[\?,4\]") as raised:
            client.predict("linear", wrong)
        statuses.append((raised.value.status, raised.value.http_status))
    assert statuses == [("INVALID_ARGUMENT", 400), ("HTTP 400", 400)]


def test_time_limit_of_the_client(clients):
    for client_class, client in zip((GrpcClient, RestClient), clients.values(), strict=True):
        with (
            client_class(client.address, timeout_seconds=0.2) as hasty,
            pytest.raises(PredictionError) as raised,
        ):
            hasty.predict("linear", {"x": [0.0]}, "slow")
        assert raised.value.http_status == 504


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_nobody_at_the_address(scheme):
    port = free_port()
    with (
        connect(f"{scheme}://localhost:{port}") as client,
        pytest.raises(
            ServerUnreachableError, match=rf"No server at localhost:{port} .*Start one with `zoo serve`"
        ),
    ):
        client.status("m")
