"""Signed results, verified with an authority made for the test."""

import datetime
import io
import json

import click
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from photo_jobs import run_negatives
from picture_files import JPEG, PICTURE, PNG, saved

from serving.jobs.signing import Signing

c2pa = pytest.importorskip("c2pa")
MIME_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def make_certificate(subject, issuer, key, signing_key, is_authority):
    def name(common_name):
        attributes = ((NameOID.COMMON_NAME, common_name), (NameOID.ORGANIZATION_NAME, "Test"))
        return x509.Name([x509.NameAttribute(*attribute) for attribute in attributes])

    now = datetime.datetime(2026, 1, 1)
    builder = (
        x509.CertificateBuilder(name(issuer), name(subject), key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(3650))
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        .add_extension(
            x509.KeyUsage(True, False, False, False, False, is_authority, is_authority, False, False),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False
        )
    )
    if not is_authority:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(usage, critical=False)
    return builder.sign(signing_key, hashes.SHA256())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Returns the file to sign with, and the authority's certificate."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = make_certificate("Home authority", "Home authority", root_key, root_key, is_authority=True)
    own = make_certificate("Shop", "Home authority", key, root_key, is_authority=False)
    path = tmp_path_factory.mktemp("certificates") / "shop.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + pem(own))
    return path, pem(root).decode()


def verified(path, authority):
    trust = {"trust": {"trust_anchors": authority}, "verify": {"verify_trust": True}}
    context = c2pa.Context(c2pa.Settings.from_dict(trust))
    content = io.BytesIO(path.read_bytes())
    return json.loads(c2pa.Reader(MIME_TYPES[path.suffix], content, context=context).json())


def test_signed_results_name_their_photo_and_are_trusted(certificates, tmp_path):
    certificate, authority = certificates
    (tmp_path / "in").mkdir()
    for name, content in (("a.jpg", JPEG), ("b.png", PNG), ("c.webp", saved(PICTURE, "WEBP"))):
        (tmp_path / "in" / name).write_bytes(content)
    signing = Signing(certificate, "zoo negatives")
    signing.check()
    run_negatives(tmp_path / "out", tmp_path / "in", signing=signing)
    for name in ("a.jpg", "b.png", "c.webp"):
        found = verified(tmp_path / "out" / name, authority)
        assert found["validation_state"] == "Trusted"
        manifest = found["manifests"][found["active_manifest"]]
        assert manifest["signature_info"]["common_name"] == "Shop"
        assert [one["relationship"] for one in manifest["ingredients"]] == ["parentOf"]
        actions = manifest["assertions"][0]["data"]["actions"]
        assert [one["action"] for one in actions] == ["c2pa.opened", "c2pa.edited"]
        assert actions[1]["softwareAgent"]["name"] == "zoo negatives"
    # A result of a result keeps the first manifest inside its own.
    run_negatives(tmp_path / "again", tmp_path / "out" / "a.jpg", signing=signing)
    assert len(verified(tmp_path / "again" / "a.jpg", authority)["manifests"]) == 2


def test_a_changed_file_is_noticed(certificates, tmp_path):
    certificate, authority = certificates
    (tmp_path / "a.jpg").write_bytes(JPEG)
    run_negatives(tmp_path / "out", tmp_path / "a.jpg", signing=Signing(certificate, "zoo negatives"))
    path = tmp_path / "out" / "a.jpg"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    assert verified(path, authority)["validation_state"] == "Invalid"


def test_what_is_no_certificate_is_told_before_the_work(tmp_path):
    (tmp_path / "wrong.pem").write_text("no key")
    with pytest.raises(click.UsageError, match="--sign takes a PEM file with a private key .*wrong.pem"):
        Signing(tmp_path / "wrong.pem", "zoo").check()
