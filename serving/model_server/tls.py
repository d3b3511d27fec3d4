"""TLS of the gRPC port: what `--ssl_config_file` says, and what is wrong with it.

gRPC opens no port with a key that does not belong to its certificate, and does not say why. Therefore
Python's own TLS reads both first, and a server is tried that nobody can reach.

Sources:
    [TFS] tensorflow/serving, `config/ssl_config.proto`, `model_servers/server.cc`
"""

import concurrent.futures
import ssl
import tempfile
from pathlib import Path

import grpc

from serving.wire import messages
from serving.wire.status import InvalidArgument
from serving.wire.text_proto import read_text_proto


def server_credentials(path: str) -> grpc.ServerCredentials | None:
    """Returns the credentials that a text `SSLConfig` describes; None, which is no TLS, where path is `""`.

    As in TF Serving, clients need a certificate, signed by `custom_ca`, only where `client_verify` is true.

    Args:
        path: The file; keys and certificates stand in it as PEM text.

    Raises:
        NotFound: There is no such file.
        InvalidArgument: It does not parse, or a key or certificate in it cannot be used.
    """
    if not path:
        return None
    config = read_text_proto(path, messages.SSLConfig)
    _check_certificates(path, "server_cert", config.server_cert)
    _check_key(path, config)
    if config.custom_ca:
        _check_certificates(path, "custom_ca", config.custom_ca)
    elif config.client_verify:
        raise InvalidArgument(
            f"client_verify needs custom_ca, the certificates that clients' own are signed by. File: {path}"
        )
    credentials = grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        config.custom_ca.encode() or None,
        config.client_verify,
    )
    _check_support(path, credentials)
    return credentials


def _check_certificates(path, field, text):
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=text)
    # Which of the three it is depends on what stands there instead of a certificate.
    except (ssl.SSLError, ValueError, TypeError) as error:
        raise InvalidArgument(
            f"{field} must hold certificates as PEM text, from -----BEGIN CERTIFICATE----- on, each line "
            rf"ended by \n. File: {path}"
        ) from error


def _check_key(path, config):
    with tempfile.TemporaryDirectory() as directory:
        # Python's TLS reads keys from files only. The directory and the file are readable by nobody else.
        files = [Path(directory, name) for name in ("server_cert", "server_key")]
        for file in files:
            file.touch(mode=0o600)
            file.write_text(getattr(config, file.name), encoding="utf-8")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Whether a key is long enough is for gRPC to say.
        context.set_ciphers("ALL:@SECLEVEL=0")
        try:
            # Without a password of its own, OpenSSL would ask the terminal for that of an encrypted key.
            context.load_cert_chain(*files, password="")
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise InvalidArgument(f"server_key does not belong to server_cert. File: {path}") from error
            raise InvalidArgument(
                "server_key must hold a private key without a password as PEM text, from "
                rf"-----BEGIN PRIVATE KEY----- on, each line ended by \n. File: {path}"
            ) from error


def _check_support(path, credentials):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    with tempfile.TemporaryDirectory() as directory:
        try:
            server.add_secure_port(f"unix:{directory}/socket", credentials)
        except RuntimeError as error:
            raise InvalidArgument(
                "gRPC cannot use server_key and server_cert. Use an RSA key, or one on the curve P-256. "
                f"File: {path}"
            ) from error
        server.stop(None)
