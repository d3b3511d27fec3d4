"""Options of the gRPC and REST clients: time limit, retries, TLS and API key."""

import ipaddress
import ssl
from dataclasses import dataclass, field

API_KEY_HEADER = "authorization"


@dataclass(frozen=True, kw_only=True)
class ClientOptions:
    """A client's options; each is a keyword argument of `connect` and of the clients.

    Attributes:
        timeout_seconds: Time limit of one call, including retries and the pauses before them.
        max_retries: Number of retries, after longer and longer pauses, while the server is unreachable or
            overloaded (connection refused or lost, gRPC's UNAVAILABLE, HTTP 503); 0 for none. No other error
            is retried.
        uses_tls: Whether the connection is encrypted; `connect` sets it for `grpcs://` and `https://`.
        ca_file: PEM file with the authorities that may have signed the server's certificate; the public ones
            by default.
        client_cert_file: PEM file with the client's certificate, for a server that requires one.
        client_key_file: PEM file with that certificate's private key, without a password.
        api_key: Key sent with every call as `Authorization: Bearer KEY`, for a proxy in front of the server.
        sends_api_key_unencrypted: Whether to send the key even if others on the network may read it.

    Raises:
        ValueError: The options contradict each other, or a file holds no valid certificate or key.
        OSError: A file cannot be read.
    """

    timeout_seconds: float = 60.0
    max_retries: int = 3
    uses_tls: bool = False
    ca_file: str | None = None
    client_cert_file: str | None = None
    client_key_file: str | None = None
    api_key: str | None = field(default=None, repr=False)
    sends_api_key_unencrypted: bool = False

    def __post_init__(self) -> None:
        check_timeout(self.timeout_seconds)
        if self.max_retries < 0:
            raise ValueError(
                "`max_retries` must be 0, for no retries, or more. "
                f"Received: max_retries={self.max_retries}. Pass a non-negative integer."
            )
        if (self.client_cert_file is None) != (self.client_key_file is None):
            raise ValueError(
                "`client_cert_file` and `client_key_file` must be given together. Received: "
                f"client_cert_file={self.client_cert_file!r}, client_key_file={self.client_key_file!r}. "
                "Pass both or neither."
            )
        if (self.ca_file or self.client_cert_file) and not self.uses_tls:
            raise ValueError(
                "Certificates need an encrypted connection. Received: "
                f"ca_file={self.ca_file!r}, client_cert_file={self.client_cert_file!r}. Connect to "
                "grpcs://HOST:PORT or https://HOST:PORT."
            )
        if self.api_key is not None and not (self.api_key.isascii() and self.api_key.isprintable()):
            # The message omits the key, which must not reach a log.
            raise ValueError(
                "`api_key` must be one line of printable ASCII. Check it for a line break at its end."
            )
        if self.uses_tls:
            self.ssl_context()

    def check_address(self, address: str) -> None:
        """Checks that nobody on the network can read the API key.

        Args:
            address: `HOST:PORT`, or `unix:PATH`.

        Raises:
            ValueError: The key would go to another machine unencrypted.
        """
        if self.api_key is None or self.uses_tls or self.sends_api_key_unencrypted or _is_local(address):
            return
        raise ValueError(
            "An API key is sent only over an encrypted connection or to this machine, because others could "
            f"read it. Received: address={address!r}. Connect to grpcs://HOST:PORT or https://HOST:PORT, or "
            "leave the key out (commands read ZOO_API_KEY); sends_api_key_unencrypted=True sends it anyway."
        )

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Returns the headers of every call, as pairs that both protocols accept."""
        return () if self.api_key is None else ((API_KEY_HEADER, f"Bearer {self.api_key}"),)

    def ssl_context(self) -> ssl.SSLContext:
        """Returns Python's TLS context with the certificates and key loaded.

        Raises:
            ValueError: A file holds no valid certificate or key.
            OSError: A file cannot be read.
        """
        context = ssl.create_default_context()
        if self.ca_file:
            context = _with_authorities(self.ca_file)
        if self.client_cert_file and self.client_key_file:
            _load_client_certificate(context, self.client_cert_file, self.client_key_file)
        return context


def check_timeout(timeout_seconds: float) -> None:
    """Checks a time limit.

    Raises:
        ValueError: The limit is not above zero.
    """
    if not timeout_seconds > 0:
        raise ValueError(
            f"`timeout_seconds` must be above 0. Received: timeout_seconds={timeout_seconds}. "
            "Pass a positive number of seconds."
        )


def _is_local(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    if address.startswith("unix:") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _with_authorities(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise ValueError(
            "`ca_file` must hold certificates as PEM text, each beginning with -----BEGIN CERTIFICATE-----. "
            f"Received: ca_file={str(ca_file)!r}. Name a PEM file."
        ) from error
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(ca_file)) from error


def _load_client_certificate(context: ssl.SSLContext, cert_file: str, key_file: str) -> None:
    for file in (cert_file, key_file):
        with open(file, "rb"):
            pass
    try:
        # An explicit password keeps OpenSSL from asking the terminal for an encrypted key's password.
        context.load_cert_chain(cert_file, key_file, password="")
    except ssl.SSLError as error:
        raise ValueError(
            "`client_key_file` must hold the private key of the certificate in `client_cert_file`, both as "
            "PEM text, the key without a password. "
            f"Received: client_cert_file={str(cert_file)!r}, client_key_file={str(key_file)!r}. "
            "Name a matching pair."
        ) from error
