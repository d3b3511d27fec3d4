"""Makes certificates for tests of TLS."""

import datetime
import functools
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from google.protobuf import text_format

from serving.wire import messages

_authorities: dict[str, trustme.CA] = {}


def authority(name: str = "ours") -> trustme.CA:
    """Returns the certificate authority of a name, always the same one."""
    return _authorities.setdefault(name, trustme.CA(organization_name=name))


@functools.cache
def certificate(*names: str, of: str = "ours", is_expired: bool = False) -> trustme.LeafCert:
    """Returns a certificate, signed by an authority, for host names and addresses."""
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    return authority(of).issue_cert(
        *(names or ("localhost", "127.0.0.1")),
        not_before=yesterday - datetime.timedelta(days=1),
        not_after=yesterday if is_expired else None,
    )


def text_of(pem: trustme.Blob) -> str:
    """Returns a key or certificate as PEM text."""
    return pem.bytes().decode()


def encrypted(pem: trustme.Blob) -> str:
    """Returns a key as PEM text that needs a password."""
    key = load_pem_private_key(pem.bytes(), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")).decode()


def key_and_certificate_on(curve: ec.EllipticCurve) -> dict[str, str]:
    """Returns a key and its self-signed certificate, by the fields of `SSLConfig`."""
    key = ec.generate_private_key(curve)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(1))
    return {
        "server_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "server_cert": signed.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode(),
    }


def write_ssl_config(path: Path, leaf: trustme.LeafCert, **fields) -> str:
    """Writes a text `SSLConfig` with a server's key and certificate; returns its path.

    Args:
        path: The file.
        leaf: The server's certificate.
        **fields: Further fields, or other values for these two.
    """
    own = {
        "server_key": text_of(leaf.private_key_pem),
        "server_cert": "".join(map(text_of, leaf.cert_chain_pems)),
    }
    path.write_text(text_format.MessageToString(messages.SSLConfig(**(own | fields))))
    return str(path)


def write_client_files(directory: Path, of: str = "ours") -> dict[str, str]:
    """Writes a client's certificate, key and authority; returns the paths by client option."""
    leaf = certificate("a-client", of=of)
    pems = {
        "ca_file": authority().cert_pem,
        "client_cert_file": leaf.cert_chain_pems[0],
        "client_key_file": leaf.private_key_pem,
    }
    for name, pem in pems.items():
        pem.write_to_path(directory / f"{of}-{name}.pem")
    return {name: str(directory / f"{of}-{name}.pem") for name in pems}
