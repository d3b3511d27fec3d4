"""Commands that ask servers over TLS: gRPC against the server's own, REST against a proxy in front of it."""

import subprocess
import sys

import pytest
from certificates import authority, certificate, write_client_files
from PIL import Image
from scripted_servers import scripted_server
from served_runs import files_in, run_zoo
from tls_servers import tls_addresses

from serving.client.access import ServerAccess
from serving.compare.comparison import AskedServer
from serving.compare.grpc_requests import MODEL_SERVICE, GrpcRequest
from serving.compare.rest_requests import RestRequest

pytestmark = pytest.mark.slow

protocols = pytest.mark.parametrize("protocol", ["grpcs", "https"])


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    with tls_addresses(tmp_path_factory.mktemp("tls"), certificate()) as addresses:
        yield addresses


@pytest.fixture(scope="module")
def strict_addresses(tmp_path_factory):
    """Of a server that lets in only clients of our authority."""
    directory = tmp_path_factory.mktemp("mutual-tls")
    with tls_addresses(directory, certificate(), verifies_clients=True) as addresses:
        yield addresses


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_client_files(tmp_path_factory.mktemp("client"))


def ca_file(files):
    return ["--ca-file", files["ca_file"]]


def pair(files):
    return ["--client-certificate", files["client_cert_file"], "--client-key", files["client_key_file"]]


@pytest.fixture
def upscale(tmp_path, capsys):
    Image.new("RGB", (5, 4)).save(tmp_path / "photo.png")

    def run(address, *options):
        words = ["--server", address, "--model", "pictures", "--output", tmp_path / "out", *options]
        return run_zoo(capsys, "upscale", tmp_path / "photo.png", *words)

    return run


@protocols
def test_commands_take_a_ca_file(addresses, files, tmp_path, upscale, protocol):
    code, _, error = upscale(addresses[protocol])
    assert (code, error.startswith("No encrypted connection to localhost:")) == (1, True)
    assert upscale(addresses[protocol], *ca_file(files))[0] == 0
    with Image.open(tmp_path / "out" / "photo.png") as picture:
        assert picture.size == (5, 4)


@protocols
def test_commands_show_a_certificate_to_a_server_that_asks_for_one(
    strict_addresses, files, tmp_path, upscale, protocol
):
    code, _, error = upscale(strict_addresses[protocol], *ca_file(files))
    assert code == 1
    assert "`client_cert_file` and `client_key_file` (--client-certificate and --client-key)" in error
    others = write_client_files(tmp_path, "others")
    assert upscale(strict_addresses[protocol], *ca_file(files), *pair(others))[0] == 1
    assert files_in(tmp_path / "out") == []
    assert upscale(strict_addresses[protocol], *ca_file(files), *pair(files))[0] == 0
    assert files_in(tmp_path / "out") == ["photo.png"]


def test_a_certificate_does_not_make_a_server_trusted(strict_addresses, files, tmp_path, upscale):
    authority("others").cert_pem.write_to_path(tmp_path / "ca.pem")
    code, _, error = upscale(strict_addresses["grpcs"], "--ca-file", tmp_path / "ca.pem", *pair(files))
    assert (code, "no known authority signed the server's certificate" in error) == (1, True)


def test_certificate_and_key_that_cannot_be_used_are_wrong_usage(addresses, files, tmp_path, upscale):
    for given, missing in (("certificate", "key"), ("key", "certificate")):
        words = pair(files)[:2] if given == "certificate" else pair(files)[2:]
        code, _, error = upscale(addresses["grpcs"], *ca_file(files), *words)
        assert code == 2
        assert error.endswith(f"Received: --client-{given} without --client-{missing}. Give both.")
    others = write_client_files(tmp_path, "others")
    mixed = files | {"client_key_file": others["client_key_file"]}
    code, _, error = upscale(addresses["https"], *ca_file(files), *pair(mixed))
    assert (code, "must hold the private key of the certificate" in error) == (2, True)
    code, _, error = upscale(addresses["grpcs"], *pair(files | {"client_cert_file": tmp_path / "none.pem"}))
    assert (code, error.endswith("none.pem' does not exist.")) == (2, True)
    assert "'--client-certificate'" in error


def test_certificates_are_for_encrypted_servers(files, capsys):
    for options in (ca_file(files), pair(files)):
        for words in ([], ["--server", "localhost:1"], ["--server", "http://localhost:1"]):
            code, _, error = run_zoo(capsys, "generate", *options, *words)
            assert code == 2
            assert error.endswith("Give grpcs://HOST:PORT or https://HOST:PORT.")
            assert f"Received: {words[1] if words else 'no --server'}." in error


def test_a_refused_handshake_is_one_line_to_the_user(addresses):
    """In a process of its own: what gRPC logs goes past Python."""
    command = [sys.executable, "-m", "zoo", "generate", "--server", addresses["grpcs"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr.startswith("zoo: error: No encrypted connection to localhost:")
    assert done.stderr.count("\n") == 1


def compare(capsys, one, other, *options):
    words = ["--server", one["grpcs"], "--rest", one["https"]]
    words += ["--against", other["grpcs"], "--against-rest", other["https"]]
    return run_zoo(capsys, "serve", "compare", *words, "--model", "pictures", *options)


def test_servers_behind_tls_are_compared(addresses, strict_addresses, files, capsys):
    options = [*ca_file(files), *pair(files), "--all"]
    code, out, _ = compare(capsys, addresses, strict_addresses, *options)
    assert (code, "different " in out) == (0, False)
    # Two servers that both hang up would be alike as well.
    assert "equal     pictures, gRPC: serving_default: one row (OK)\n" in out
    assert "equal     pictures, REST: serving_default: columns (200)\n" in out
    assert [line.partition(":")[0] for line in out.splitlines() if " requests, " in line] == [
        "pictures, gRPC",
        "pictures, REST",
        "pictures, gRPC, dangerous",
        "pictures, REST, dangerous",
    ]


def test_a_server_that_cannot_be_compared_over_tls_is_an_error(addresses, strict_addresses, files, capsys):
    code, _, error = compare(capsys, addresses, addresses)
    assert (code, error.startswith("No encrypted connection to localhost:")) == (1, True)
    code, _, error = compare(capsys, addresses, strict_addresses, *ca_file(files))
    assert (code, "(--client-certificate and --client-key)" in error) == (1, True)
    # Over REST alone.
    mixed = addresses | {"https": strict_addresses["https"]}
    code, _, error = compare(capsys, addresses, mixed, *ca_file(files))
    assert (code, "(--client-certificate and --client-key)" in error) == (1, True)
    plain = {"grpcs": "localhost:1", "https": "http://localhost:1"}
    code, _, error = compare(capsys, plain, plain, *pair(files))
    assert (code, "need an encrypted connection. Received: localhost:1, localhost:1, http" in error) == (
        2,
        True,
    )


def test_compared_servers_are_sent_the_api_key():
    def answer(headers):
        known = {name.lower(): value for name, value in headers.items()}.get("authorization")
        return 200 if known == "Bearer secret" else 401

    status = GrpcRequest("status", f"{MODEL_SERVICE}GetModelStatus", "")
    page = RestRequest("status", "GET", "/v1/models/m")
    with scripted_server("grpc", answer) as address, scripted_server("http", answer) as rest_address:
        for access, expected in ((ServerAccess(api_key="secret"), ["OK", "200"]), (None, None)):
            with AskedServer(address, rest_address, *([access] if access else [])) as server:
                statuses = [server.answer(request).status for request in (status, page)]
            assert statuses == (expected or ["UNAUTHENTICATED", "401"])
