"""Parses server addresses into protocol, encryption, host and port."""

from dataclasses import dataclass

from serving.wire.server_defaults import GRPC_PORT, REST_PORT

GRPC, HTTP = "grpc", "http"


@dataclass(frozen=True)
class ServerAddress:
    """A server's parsed address.

    Attributes:
        protocol: `GRPC`, or `HTTP` for REST.
        uses_tls: Whether the connection is encrypted.
        host_and_port: `HOST:PORT`.
    """

    protocol: str
    uses_tls: bool
    host_and_port: str

    @classmethod
    def parse(cls, address: str) -> "ServerAddress":
        """Reads `HOST:PORT` or `SCHEME://HOST:PORT`, where SCHEME is grpc, grpcs, http or https.

        Raises:
            ValueError: The address is none of these.

        Example:

        >>> ServerAddress.parse("grpcs://pictures.example:8443")
        ServerAddress(protocol='grpc', uses_tls=True, host_and_port='pictures.example:8443')
        """
        scheme, separator, rest = address.partition("://")
        scheme, host_and_port = (scheme, rest.rstrip("/")) if separator else (GRPC, address)
        host, _, port = host_and_port.rpartition(":")
        protocol = scheme.removesuffix("s")
        if protocol not in (GRPC, HTTP) or not host or "/" in host or not port.isdigit():
            raise ValueError(
                "A server's address must be HOST:PORT or grpc://HOST:PORT for gRPC, http://HOST:PORT for "
                "REST, or grpcs://HOST:PORT or https://HOST:PORT for an encrypted connection. Received: "
                f"address={address!r}. `zoo serve` answers at localhost:{GRPC_PORT} and "
                f"http://localhost:{REST_PORT}."
            )
        return cls(protocol, scheme != protocol, host_and_port)
