"""A server with TLS on both ports: its own on the gRPC port, a proxy's in front of REST."""

import contextlib
from pathlib import Path

import trustme
from certificates import authority, text_of, write_ssl_config
from serving_models import running_server
from tls_proxy import tls_proxy


@contextlib.contextmanager
def tls_addresses(directory: Path, leaf: trustme.LeafCert, verifies_clients: bool = False):
    """Runs a server on all of `models_dir`; yields its addresses by scheme, `grpcs` and `https`."""
    fields = {"custom_ca": text_of(authority().cert_pem), "client_verify": True} if verifies_clients else {}
    config = write_ssl_config(directory / "ssl.config", leaf, **fields)
    with (
        running_server(directory, ssl_config_file=config) as server,
        tls_proxy(server.flags["rest_api_port"], leaf, verifies_clients) as proxy_port,
    ):
        yield {
            "grpcs": f"grpcs://localhost:{server.flags['port']}",
            "https": f"https://localhost:{proxy_port}",
        }
