"""Clients over TLS: gRPC against the server's own, REST against a proxy in front of it."""

import asyncio

import pytest
from certificates import authority, certificate, key_and_certificate_on, write_client_files
from cryptography.hazmat.primitives.asymmetric import ec
from serving_models import running_server
from tls_servers import tls_addresses

from serving.client.connection import connect, connect_async
from serving.client.errors import ServerUnreachableError, TlsError

AVAILABLE = {2: "AVAILABLE"}
protocols = pytest.mark.parametrize("protocol", ["grpcs", "https"])


def status_sync(address, **options):
    with connect(address, **options) as client:
        return client.status("linear")


def status_async(address, **options):
    async def ask():
        async with connect_async(address, **options) as client:
            return await client.status("linear")

    return asyncio.run(ask())


kinds = pytest.mark.parametrize("ask", [status_sync, status_async])


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    with tls_addresses(tmp_path_factory.mktemp("tls"), certificate()) as addresses:
        yield addresses


@pytest.fixture(scope="module")
def strict_addresses(tmp_path_factory):
    directory = tmp_path_factory.mktemp("mutual-tls")
    with tls_addresses(directory, certificate(), verifies_clients=True) as addresses:
        yield addresses


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_client_files(tmp_path_factory.mktemp("client"))


@protocols
@kinds
def test_a_server_of_a_known_authority_is_trusted(addresses, files, protocol, ask):
    assert ask(addresses[protocol], ca_file=files["ca_file"]) == AVAILABLE


@protocols
@kinds
@pytest.mark.parametrize("is_named", [True, False])
def test_a_server_of_another_authority_is_not_trusted(addresses, tmp_path, protocol, ask, is_named):
    """Nor are our own certificates by the public authorities, which a client knows by default."""
    authority("others").cert_pem.write_to_path(tmp_path / "ca.pem")
    with pytest.raises(TlsError, match="no known authority signed .* Give the authority's as `ca_file` "):
        ask(addresses[protocol], **({"ca_file": str(tmp_path / "ca.pem")} if is_named else {}))


@protocols
@pytest.mark.parametrize(
    ("leaf", "reason"),
    [
        (certificate(is_expired=True), "the server's certificate has expired. Renew it."),
        (
            certificate("pictures.example"),
            "the server's certificate is for another host. Connect by a host name",
        ),
    ],
    ids=["expired", "another-host"],
)
def test_a_certificate_that_is_not_valid_is_named(tmp_path, files, protocol, leaf, reason):
    with (
        tls_addresses(tmp_path, leaf) as addresses,
        pytest.raises(TlsError, match=rf"No encrypted connection to localhost:\d+: {reason}"),
    ):
        status_sync(addresses[protocol], ca_file=files["ca_file"])


@protocols
@kinds
def test_a_client_without_tls_is_told_to_use_it(addresses, protocol, ask):
    plain_address = addresses[protocol].replace("s://", "://")
    with pytest.raises(ServerUnreachableError, match="If it speaks TLS, connect with grpcs:// or https://"):
        ask(plain_address, max_retries=0)


@protocols
def test_a_server_without_tls_is_named(tmp_path, files, protocol):
    with running_server(tmp_path) as server:
        port = server.flags["port" if protocol == "grpcs" else "rest_api_port"]
        with pytest.raises(TlsError, match="does not speak TLS there. Connect with grpc:// or http://"):
            status_sync(f"{protocol}://localhost:{port}", ca_file=files["ca_file"])


@protocols
@kinds
def test_mutual_tls_lets_known_clients_in(strict_addresses, files, protocol, ask):
    assert ask(strict_addresses[protocol], **files) == AVAILABLE


@protocols
@pytest.mark.parametrize("of", ["others", None])
def test_mutual_tls_keeps_other_clients_out(strict_addresses, files, tmp_path, protocol, of):
    options = {"ca_file": files["ca_file"]}
    if of:
        options = write_client_files(tmp_path, of) | options
    with pytest.raises(
        (TlsError, ServerUnreachableError), match="give `client_cert_file` and `client_key_file`"
    ):
        status_sync(strict_addresses[protocol], max_retries=0, **options)


def test_a_certificate_that_grpc_cannot_use_is_named(strict_addresses, files, tmp_path):
    """Python's TLS, which reads the files first, knows more curves than gRPC's."""
    pems = key_and_certificate_on(ec.SECP256K1())
    own = {"client_cert_file": pems["server_cert"], "client_key_file": pems["server_key"]}
    for name, text in own.items():
        (tmp_path / name).write_text(text)
    options = files | {name: str(tmp_path / name) for name in own}
    with pytest.raises(TlsError, match=r"gRPC cannot use `client_cert_file` .* on the curve P-256\.$"):
        status_sync(strict_addresses["grpcs"], **options)


def test_files_that_hold_something_else_are_refused_before_a_connection(tmp_path, files):
    (tmp_path / "text.pem").write_text("text")
    with pytest.raises(ValueError, match=r"`ca_file` must hold certificates as PEM text.*text.pem"):
        connect("grpcs://localhost:1", ca_file=str(tmp_path / "text.pem"))
    with pytest.raises(FileNotFoundError, match=r"No such file.*none.pem"):
        connect("https://localhost:1", ca_file=str(tmp_path / "none.pem"))
    others = write_client_files(tmp_path, "others")
    with pytest.raises(ValueError, match="must hold the private key of the certificate in `client_cert"):
        connect("grpcs://localhost:1", **(files | {"client_key_file": others["client_key_file"]}))
    with pytest.raises(FileNotFoundError, match=r"No such file.*none.pem"):
        connect("grpcs://localhost:1", **(files | {"client_key_file": str(tmp_path / "none.pem")}))


def test_options_of_tls_need_it(files):
    with pytest.raises(ValueError, match="Connect to grpcs://HOST:PORT or https://HOST:PORT"):
        connect("localhost:1", ca_file=files["ca_file"])
    with pytest.raises(ValueError, match="`client_cert_file` and `client_key_file` must be given together"):
        connect("grpcs://localhost:1", client_key_file=files["client_key_file"])
