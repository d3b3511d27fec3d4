"""Turns failed connections into errors with advice; the libraries' own messages are terse and differ."""

import re

from serving.client.errors import ServerUnreachableError, TlsError, WrongProtocolError

_PAIR = "`client_cert_file` and `client_key_file` (--client-certificate and --client-key)"
# The first pattern that matches the library's message applies, from gRPC (BoringSSL) or Python (OpenSSL).
_TLS_REASONS = (
    ("certificate has expired", "the server's certificate has expired. Renew it."),
    ("not yet valid", "the server's certificate is not valid yet. Compare the clocks of both machines."),
    (
        "host ?name mismatch|ip address mismatch|hostname verification",
        "the server's certificate is for another host. Connect by a host name in the certificate.",
    ),
    (
        "certificate.verify.failed",
        "no known authority signed the server's certificate. Give the authority's as `ca_file` (--ca-file).",
    ),
    (
        "wrong.version.number|record layer failure|packet length too long",
        "the server does not speak TLS there. Connect with grpc:// or http://, or to another port.",
    ),
    (
        "failed to create security handshaker",
        f"gRPC cannot use {_PAIR}. Use an RSA key, or one on the curve P-256.",
    ),
    (
        "alert",
        f"the server requires another client certificate. Give {_PAIR} that it accepts.",
    ),
)
# Messages of gRPC's parser on HTTP/1, and of httpx2's parser on HTTP/2.
_NOT_GRPC, _NOT_REST = "failed parsing http/2", "illegal request line|illegal status line"
_CLOSED = "socket closed|reset by peer|disconnected|broken pipe|eof occurred"


def connection_error(
    address: str, text: str, reason: str, uses_tls: bool
) -> TlsError | WrongProtocolError | ServerUnreachableError:
    """Returns the error for a connection that failed.

    Args:
        address: The tried `HOST:PORT`.
        text: The library's whole message.
        reason: The part of it to show if it is not about TLS.
        uses_tls: Whether the client speaks TLS.
    """
    if uses_tls:
        for pattern, meaning in _TLS_REASONS:
            if re.search(pattern, text, re.IGNORECASE):
                return TlsError(address, meaning)
    ending = "s" if uses_tls else ""
    if re.search(_NOT_GRPC, text, re.IGNORECASE):
        advice = f"Connect to http{ending}://{address} for REST, or to another port for gRPC."
        return WrongProtocolError(address, "gRPC", advice)
    if re.search(_NOT_REST, text, re.IGNORECASE):
        advice = f"Connect to grpc{ending}://{address} for gRPC, or to another port for REST."
        return WrongProtocolError(address, "REST", advice)
    if not re.search(_CLOSED, text, re.IGNORECASE):
        return ServerUnreachableError(address, reason)
    # A server closes the connection when it refuses a handshake, but also when it stops.
    advice = (
        f"If it accepts only known clients, give {_PAIR}."
        if uses_tls
        else "If it speaks TLS, connect with grpcs:// or https://."
    )
    return ServerUnreachableError(address, reason, advice)
