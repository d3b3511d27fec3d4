import asyncio
import contextlib

import numpy as np
import pytest
from free_ports import free_port
from serving_models import running_server

from serving.client.connection import connect, connect_async
from serving.client.descriptions import TensorDescription
from serving.client.errors import PredictionError, RowError, ServerUnreachableError, WrongProtocolError
from serving.client.grpc_client import AsyncGrpcClient, GrpcClient
from serving.client.rest_client import AsyncRestClient, RestClient


class Awaited:
    """The methods of an asynchronous client, run to their end."""

    def __init__(self, address, **options):
        self._loop = asyncio.new_event_loop()

        async def make():
            return connect_async(address, **options)

        self._client = self._loop.run_until_complete(make())

    def __getattr__(self, name):
        value = getattr(self._client, name)
        if not callable(value):
            return value
        return lambda *args, **kwargs: self._loop.run_until_complete(value(*args, **kwargs))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
        self._loop.close()


def addresses_of(server):
    return {
        "grpc": f"localhost:{server.flags['port']}",
        "rest": f"http://localhost:{server.flags['rest_api_port']}",
    }


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("clients")) as server:
        yield addresses_of(server)


@pytest.fixture(scope="module")
def clients(addresses):
    with contextlib.ExitStack() as stack:
        yield {
            f"{kind.__name__}-{protocol}": stack.enter_context(kind(address, timeout_seconds=20))
            for kind in (connect, Awaited)
            for protocol, address in addresses.items()
        }


@pytest.fixture(params=["connect-grpc", "connect-rest", "Awaited-grpc", "Awaited-rest"])
def client(request, clients):
    return clients[request.param]


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("localhost:8500", GrpcClient),
        ("grpc://[::1]:8500", GrpcClient),
        ("http://localhost:8501/", RestClient),
        ("grpcs://localhost:8500", GrpcClient),
        ("https://localhost:8501", RestClient),
    ],
)
def test_scheme_picks_the_protocol(address, kind):
    asynchronous_kind = {GrpcClient: AsyncGrpcClient, RestClient: AsyncRestClient}[kind]
    with connect(address) as client:
        assert isinstance(client, kind)
    with Awaited(address) as client:
        assert isinstance(client._client, asynchronous_kind)
        assert client.options.uses_tls == address.startswith(("grpcs", "https"))


@pytest.mark.parametrize("address", ["localhost", "localhost:", ":8500", "ftp://a:1", "grpcss://a:1", "a:b"])
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
def test_all_clients_answer_the_same_arrays(clients, model, signature, inputs):
    first, *others = (client.predict(model, inputs, signature) for client in clients.values())
    for other in others:
        assert first.keys() == other.keys()
        for name, array in first.items():
            assert (array.dtype, array.shape) == (other[name].dtype, other[name].shape)
            np.testing.assert_array_equal(array, other[name])


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
    inputs = {"a": [1.0], "b": [2.0]}
    outputs = clients["connect-grpc"].predict("linear", inputs, "two", output_filter=["sum"])
    assert outputs.keys() == {"sum"}
    with pytest.raises(ValueError, match=r"Received: output_filter=\['sum'\]. Leave it out, or connect over"):
        clients["connect-rest"].predict("linear", inputs, "two", output_filter=["sum"])


def test_signatures_are_described(client):
    signatures = client.signatures("pictures")
    assert list(signatures) == ["invert", "serving_default", "upscale_png"]
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
    assert statuses == [("INVALID_ARGUMENT", 400), ("HTTP 400", 400)] * 2


@pytest.mark.parametrize("empty", [np.zeros((0, 4), np.float32), []])
def test_a_request_without_rows_is_not_sent(clients, empty):
    """TensorFlow Serving with batching would not answer it, nor others after it."""
    for client in clients.values():
        with pytest.raises(ValueError, match="at least one row.* Received: x without rows"):
            client.predict("linear", {"x": empty})


def test_messages_of_20_megabytes_go_both_ways(client):
    photo = GENERATOR.bytes(20_000_000)
    assert client.predict("pictures", {"image_bytes": [photo]})["image_bytes"].tolist() == [photo]


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_fifty_predictions_at_a_time_each_get_their_own_answer(addresses, protocol):
    async def ask():
        async with connect_async(addresses[protocol]) as client:
            calls = [client.predict("linear", {"x": np.full((1, 4), i, np.float32)}) for i in range(50)]
            return [outputs["y"][0, 0] for outputs in await asyncio.gather(*calls)]

    assert asyncio.run(ask()) == [2 * i for i in range(50)]


@pytest.mark.parametrize("kind", [connect, Awaited])
@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_nobody_at_the_address(kind, scheme):
    port = free_port()
    with (
        kind(f"{scheme}://localhost:{port}", max_retries=0) as client,
        pytest.raises(
            ServerUnreachableError, match=rf"No server at localhost:{port} .*Start one with `zoo serve`"
        ),
    ):
        client.status("m")


@pytest.mark.parametrize("kind", [connect, Awaited])
@pytest.mark.parametrize(
    ("at", "scheme", "told"),
    [
        ("rest", "grpc", "does not speak gRPC there. Connect to http://"),
        ("grpc", "http", "does not speak REST there. Connect to grpc://"),
    ],
)
def test_the_port_of_the_other_protocol_is_told_with_the_address_to_try(addresses, kind, at, scheme, told):
    host_and_port = addresses[at].removeprefix("http://")
    with (
        kind(f"{scheme}://{host_and_port}") as client,
        pytest.raises(WrongProtocolError, match=f"The server at {host_and_port} {told}{host_and_port} for "),
    ):
        client.status("linear")


def test_a_host_without_an_address_is_told_without_the_brackets_of_grpc():
    with (
        connect("no-such-host.invalid:8500", max_retries=0) as client,
        pytest.raises(
            ServerUnreachableError, match=r"No server at no-such-host\.invalid:8500 \([^][()]+\)\. "
        ),
    ):
        client.status("m")


@pytest.fixture(scope="module")
def impatient_addresses(tmp_path_factory):
    """REST does not tell a server how long its client waits; it would go on for half a minute."""
    with running_server(tmp_path_factory.mktemp("limit"), rest_api_timeout_in_ms=1000) as server:
        yield addresses_of(server)


@pytest.mark.parametrize("kind", [connect, Awaited])
@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_time_limit_of_the_client(impatient_addresses, kind, protocol):
    with (
        kind(impatient_addresses[protocol], timeout_seconds=0.2) as hasty,
        pytest.raises(PredictionError) as raised,
    ):
        hasty.predict("linear", {"x": [0.0]}, "slow")
    assert raised.value.http_status == 504
