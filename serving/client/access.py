"""Access of commands to protected servers: certificates from options, an API key from the environment."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from serving.client.address import ServerAddress

if TYPE_CHECKING:
    from serving.client.base import Client

API_KEY_VARIABLE = "ZOO_API_KEY"
_FILE = click.Path(exists=True, dir_okay=False)
_OPTIONS = (
    click.option(
        "--ca-file",
        type=_FILE,
        metavar="FILE",
        help="PEM file with the authorities that may have signed the server's certificate.",
    ),
    click.option(
        "--client-certificate",
        type=_FILE,
        metavar="FILE",
        help="PEM file with the client's certificate, for a server that requires one.",
    ),
    click.option(
        "--client-key",
        type=_FILE,
        metavar="FILE",
        help="PEM file with the client certificate's private key, without a password.",
    ),
)


@dataclass(frozen=True)
class ServerAccess:
    """A command's certificates and API key for its servers; `ClientOptions` describes the attributes.

    Example:

    >>> ServerAccess(ca_file="ca.pem").options("localhost:8500")
    {'api_key': None}
    """

    ca_file: str | None = None
    client_cert_file: str | None = None
    client_key_file: str | None = None
    api_key: str | None = field(default=None, repr=False)

    def check(self, *addresses: str) -> None:
        """Checks that certificates are given only if some connection is encrypted.

        Args:
            *addresses: The addresses of all servers to connect to.

        Raises:
            click.UsageError: No connection is encrypted, or an address is malformed.
        """
        with _usage_errors():
            parsed = [ServerAddress.parse(address) for address in addresses]
        has_certificates = self.ca_file or self.client_cert_file
        if has_certificates and not any(address.uses_tls for address in parsed):
            raise click.UsageError(
                "--ca-file, --client-certificate and --client-key need an encrypted connection. Received: "
                f"{', '.join(addresses) or 'no --server'}. Give grpcs://HOST:PORT or https://HOST:PORT."
            )

    def options(self, address: str) -> dict[str, str | None]:
        """Returns the options for a connection, with certificates only if it is encrypted.

        Raises:
            ValueError: The address is malformed.
        """
        return vars(self).copy() if ServerAddress.parse(address).uses_tls else {"api_key": self.api_key}

    def connect(self, address: str) -> "Client":
        """Returns a client; see `serving.client.connect`.

        Raises:
            click.UsageError: The address is malformed, or certificates or key do not fit it.
            OSError: A file cannot be read.
        """
        from serving.client.connection import connect

        with _usage_errors():
            return connect(address, **self.options(address))


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def access_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--ca-file`, `--client-certificate` and `--client-key`, which reach the command as `access`.

    Raises:
        click.UsageError: By the command, if only one of certificate and key is given.
    """

    @functools.wraps(function)
    def command(
        *args: Any,
        ca_file: str | None,
        client_certificate: str | None,
        client_key: str | None,
        **options: Any,
    ) -> Any:
        if (client_certificate is None) != (client_key is None):
            given, missing = ("certificate", "key") if client_certificate else ("key", "certificate")
            raise click.UsageError(
                "--client-certificate and --client-key must be given together. "
                f"Received: --client-{given} without --client-{missing}. Give both."
            )
        # Silences gRPC's log of a failed handshake, which the error repeats.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        api_key = os.environ.get(API_KEY_VARIABLE) or None
        access = ServerAccess(ca_file, client_certificate, client_key, api_key)
        return function(*args, access=access, **options)

    for option in reversed(_OPTIONS):
        command = option(command)
    return command
