"""How commands get into servers: with certificates that options name, and a key from the environment."""

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
        help="PEM file: who may have signed the server's certificate.",
    ),
    click.option(
        "--client-certificate",
        type=_FILE,
        metavar="FILE",
        help="PEM file: a certificate to show to a server that asks for one.",
    ),
    click.option(
        "--client-key", type=_FILE, metavar="FILE", help="PEM file: its private key, without a password."
    ),
)


@dataclass(frozen=True)
class ServerAccess:
    """What a command was told about its connections to servers; the attributes are those of `ClientOptions`.

    Example:

    >>> ServerAccess(ca_file="ca.pem").options("localhost:8500")
    {'api_key': None}
    """

    ca_file: str | None = None
    client_cert_file: str | None = None
    client_key_file: str | None = None
    api_key: str | None = field(default=None, repr=False)

    def check(self, *addresses: str) -> None:
        """Checks that certificates have an encrypted connection to be for.

        Args:
            *addresses: Of all servers that will be asked.

        Raises:
            click.UsageError: They have none, or an address is none.
        """
        with _usage_errors():
            parsed = [ServerAddress.parse(address) for address in addresses]
        has_certificates = self.ca_file or self.client_cert_file
        if has_certificates and not any(address.uses_tls for address in parsed):
            raise click.UsageError(
                "--ca-file, --client-certificate and --client-key are for an encrypted server. Received: "
                f"{', '.join(addresses) or 'no --server'}. Give grpcs://HOST:PORT or https://HOST:PORT."
            )

    def options(self, address: str) -> dict[str, str | None]:
        """Returns the options for a connection; certificates belong to encrypted ones only.

        Raises:
            ValueError: The address is none.
        """
        return vars(self).copy() if ServerAddress.parse(address).uses_tls else {"api_key": self.api_key}

    def connect(self, address: str) -> "Client":
        """Returns a client, see `serving.client.connect`.

        Raises:
            click.UsageError: The address is none, or certificates or key do not go with it.
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
    """Adds `--ca-file`, `--client-certificate` and `--client-key`; the command gets one `access` of them.

    Raises:
        click.UsageError: By the command: the certificate or its key is missing.
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
                "--client-certificate and --client-key belong together. "
                f"Received: --client-{given} without --client-{missing}."
            )
        # What gRPC logs of a handshake that fails stands in the error already.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        api_key = os.environ.get(API_KEY_VARIABLE) or None
        access = ServerAccess(ca_file, client_certificate, client_key, api_key)
        return function(*args, access=access, **options)

    for option in reversed(_OPTIONS):
        command = option(command)
    return command
