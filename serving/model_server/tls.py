"""Reads and checks `--ssl_config_file`, which sets up TLS on the gRPC port.

gRPC refuses to open a port with a key that does not match its certificate, without giving a reason. Therefore
Python's own TLS reads both first, and a trial server is started that nobody can reach.

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
    """Returns the credentials of a text `SSLConfig`; None, for no TLS, if path is `""`.

    As in TF Serving, clients need a certificate signed by `custom_ca` only if `client_verify` is true.

    Args:
        path: The file, with keys and certificates as PEM text.

    Raises:
        NotFound: The file cannot be read.
        InvalidArgument: The file does not parse, or a key or certificate in it cannot be used.
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
    # Which of the three is raised depends on the text in place of a certificate.
    except (ssl.SSLError, ValueError, TypeError) as error:
        raise InvalidArgument(
            f"{field} must hold certificates as PEM text, from -----BEGIN CERTIFICATE----- on, each line "
            rf"ended by \n. File: {path}"
        ) from error


def _check_key(path, config):
    with tempfile.TemporaryDirectory() as directory:
        # Python's TLS reads keys only from files. Other users can read neither the directory nor the files.
        certificate, key = Path(directory, "server_cert"), Path(directory, "server_key")
        for file in (certificate, key):
            file.touch(mode=0o600)
            file.write_text(getattr(config, file.name), encoding="utf-8")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # gRPC decides whether a key is long enough.
        context.set_ciphers("ALL:@SECLEVEL=0")
        try:
            # An explicit password keeps OpenSSL from asking the terminal for an encrypted key's password.
            context.load_cert_chain(certificate, key, password="")
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
