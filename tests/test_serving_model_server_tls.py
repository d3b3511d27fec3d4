"""TLS of the gRPC port, and the health service; the server answers over real connections."""

import grpc
import pytest
from certificates import (
    authority,
    certificate,
    encrypted,
    key_and_certificate_on,
    text_of,
    write_ssl_config,
)
from cryptography.hazmat.primitives.asymmetric import ec
from free_ports import free_port
from grpc_health.v1 import health_pb2, health_pb2_grpc
from serving_models import running_server

from serving.model_server import __main__
from serving.model_server.tls import server_credentials


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    config = write_ssl_config(directory / "ssl.config", certificate())
    socket_path = str(directory / "socket")
    with running_server(
        directory, ssl_config_file=config, grpc_socket_path=socket_path, enable_grpc_healthcheck_service=True
    ) as running:
        yield running


def check_health(channel, service=""):
    request = health_pb2.HealthCheckRequest(service=service)
    return health_pb2_grpc.HealthStub(channel).Check(request, timeout=20).status


def tls_channel(port, **credentials):
    pem = authority().cert_pem.bytes()
    return grpc.secure_channel(f"localhost:{port}", grpc.ssl_channel_credentials(pem, **credentials))


@pytest.mark.parametrize("service", ["", "ModelService", "PredictionService"])
def test_health_of_every_service_over_tls(server, service):
    with tls_channel(server.flags["port"]) as channel:
        assert check_health(channel, service) == health_pb2.HealthCheckResponse.SERVING


def test_health_of_a_name_unknown_to_tf_serving(server):
    with tls_channel(server.flags["port"]) as channel, pytest.raises(grpc.RpcError) as raised:
        check_health(channel, "tensorflow.serving.PredictionService")
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


def test_watchers_of_health_take_no_thread_from_requests(tmp_path):
    with (
        running_server(tmp_path, enable_grpc_healthcheck_service=True, grpc_max_threads=1) as server,
        grpc.insecure_channel(f"localhost:{server.flags['port']}") as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        watches = [stub.Watch(health_pb2.HealthCheckRequest(service=""), timeout=60) for _ in range(3)]
        assert [next(watch).status for watch in watches] == [health_pb2.HealthCheckResponse.SERVING] * 3
        assert check_health(channel) == health_pb2.HealthCheckResponse.SERVING
        # A server that waited for them would cancel them at the end of its grace time.
        server.stop(grace_seconds=20)
        assert [list(watch) for watch in watches] == [[], [], []]


def test_health_is_off_unless_asked_for(tmp_path):
    with (
        running_server(tmp_path) as server,
        grpc.insecure_channel(f"localhost:{server.flags['port']}") as channel,
        pytest.raises(grpc.RpcError) as raised,
    ):
        check_health(channel)
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_client_without_tls_is_not_answered(server):
    with (
        grpc.insecure_channel(f"localhost:{server.flags['port']}") as channel,
        pytest.raises(grpc.RpcError) as raised,
    ):
        check_health(channel)
    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE


def test_the_unix_socket_stays_plain(server):
    with grpc.insecure_channel(f"unix:{server.flags['grpc_socket_path']}") as channel:
        assert check_health(channel) == health_pb2.HealthCheckResponse.SERVING


@pytest.fixture(scope="module")
def strict_server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("mutual-tls")
    custom_ca = text_of(authority().cert_pem)
    config = write_ssl_config(
        directory / "ssl.config", certificate(), custom_ca=custom_ca, client_verify=True
    )
    with running_server(directory, ssl_config_file=config, enable_grpc_healthcheck_service=True) as running:
        yield running


def test_a_client_with_a_certificate_of_the_custom_ca_is_let_in(strict_server):
    client = certificate("a-client")
    with tls_channel(
        strict_server.flags["port"],
        private_key=client.private_key_pem.bytes(),
        certificate_chain=client.cert_chain_pems[0].bytes(),
    ) as channel:
        assert check_health(channel) == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("of", ["others", None])
def test_a_client_with_another_certificate_or_none_is_not_let_in(strict_server, of):
    client = certificate("a-client", of=of) if of else None
    with (
        tls_channel(
            strict_server.flags["port"],
            private_key=client and client.private_key_pem.bytes(),
            certificate_chain=client and client.cert_chain_pems[0].bytes(),
        ) as channel,
        pytest.raises(grpc.RpcError) as raised,
    ):
        check_health(channel)
    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE


BROKEN_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"server_key": text_of(certificate("another").private_key_pem)},
            "server_key does not belong to server_cert.",
        ),
        ({"server_key": ""}, "server_key must hold a private key without a password"),
        ({"server_key": "/etc/server.key"}, "server_key must hold a private key without a password"),
        (
            {"server_key": encrypted(certificate().private_key_pem)},
            "server_key must hold a private key without a password",
        ),
        ({"server_cert": ""}, "server_cert must hold certificates as PEM text"),
        ({"server_cert": "é"}, "server_cert must hold certificates as PEM text"),
        ({"server_cert": BROKEN_CERTIFICATE}, "server_cert must hold certificates as PEM text"),
        (
            {"server_cert": text_of(certificate().private_key_pem)},
            "server_cert must hold certificates as PEM text",
        ),
        ({"custom_ca": "ca.pem"}, "custom_ca must hold certificates as PEM text"),
        (
            key_and_certificate_on(ec.SECP256K1()),
            "gRPC cannot use server_key and server_cert. Use an RSA key",
        ),
        ({"client_verify": True}, "client_verify needs custom_ca"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value,
)
def test_what_is_wrong_with_the_file_is_said_before_models_load(fields, message, tmp_path, capsys):
    path = write_ssl_config(tmp_path / "ssl.config", certificate(), **fields)
    arguments = [f"--port={free_port()}", f"--ssl_config_file={path}", "--model_base_path=/none"]
    assert __main__.main(arguments) == 255
    printed = capsys.readouterr().out
    assert printed.startswith(f"Failed to start server. Error: INVALID_ARGUMENT: {message}")
    assert printed.endswith(f" File: {path}\n")
    assert printed.count("\n") == 1


def test_no_key_is_left_on_disk(tmp_path, monkeypatch):
    config = write_ssl_config(tmp_path / "ssl.config", certificate())
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert server_credentials(config) is not None
    assert list((tmp_path / "temporary").iterdir()) == []


def test_alts_and_tls_exclude_each_other(capsys):
    arguments = ["--model_base_path=/m", "--ssl_config_file=/ssl.config", "--use_alts_credentials"]
    assert __main__.main(arguments) == 255
    assert capsys.readouterr().out == (
        "Failed to start server. Error: INVALID_ARGUMENT: Either server_options.ssl_config_file or "
        "server_options.use_alts_credentials can be set, not both.\n"
    )


def test_a_missing_file_fails_the_start(capsys):
    arguments = ["--model_base_path=/m", "--ssl_config_file=/none/ssl.config"]
    assert __main__.main(arguments) == 255
    assert "NOT_FOUND: /none/ssl.config; No such file" in capsys.readouterr().out
