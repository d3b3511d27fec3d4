"""Signs results, so that others can verify who made them of which photo.

Source: [C2PA] Coalition for Content Provenance and Authenticity, Technical Specification 2.2.
"""

import dataclasses
import io
import json
from pathlib import Path

import click

from zoo import __version__
from zoo.pictures.photo import FORMATS
from zoo.pictures.photo_files import FIRST_BYTES, UnreadablePhotoError, format_of

_MIME_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "tiff": "image/tiff",
    "heif": "image/heic",
    "gif": "image/gif",
}
_EDITED = "c2pa.edited"


@dataclasses.dataclass(frozen=True)
class Signing:
    """Signs results with a certificate; can be pickled.

    Args:
        certificate: PEM file with a private key without a password, its certificate and those of the
            authorities up to, but not necessarily with, the root.
        command: What made the results, for the manifest.
    """

    certificate: Path
    command: str

    def check(self) -> None:
        """Checks the certificate before the work starts.

        Raises:
            click.UsageError: The extra is not installed, or the file is no such certificate.
        """
        try:
            import c2pa  # type: ignore[import-untyped]  # noqa: F401
        except ImportError as error:
            raise click.UsageError(
                f"--sign needs the C2PA library. Received: {error}. Install it by "
                '`pip install "product-image-zoo[c2pa]"`.'
            ) from error
        try:
            self._make_signer().close()
        except Exception as error:  # noqa: BLE001 - the libraries raise anything on a wrong file
            raise click.UsageError(
                "--sign takes a PEM file with a private key and its certificates, as authorities issue "
                f"them. Received: {self.certificate} ({error}). Choose another file."
            ) from error

    def sign(self, result: bytes, file_format: str, photo: bytes, name: str) -> bytes:
        """Returns a result's file with a signed manifest that names the photo as its origin.

        Args:
            result: The result's file.
            file_format: Its format.
            photo: The photo's file, whose own manifest is kept in the new one.
            name: The photo's name.

        Raises:
            UnreadablePhotoError: The format cannot be signed, or the library refuses.
        """
        import c2pa

        if file_format not in _MIME_TYPES:
            raise UnreadablePhotoError(f"{file_format.upper()} files cannot be signed", "choose --format png")
        manifest = {
            "claim_generator_info": [{"name": "product-image-zoo", "version": __version__}],
            "title": name,
            "format": _MIME_TYPES[file_format],
            "assertions": [
                {
                    "label": "c2pa.actions",
                    "data": {"actions": [{"action": _EDITED, "softwareAgent": {"name": self.command}}]},
                }
            ],
        }
        photo_type = _MIME_TYPES.get(FORMATS.get(format_of(photo[:FIRST_BYTES]) or "", ""))
        signed = io.BytesIO()
        try:
            settings = c2pa.Settings.from_dict({"builder": {"thumbnail": {"enabled": False}}})
            with c2pa.Builder(json.dumps(manifest), context=c2pa.Context(settings)) as builder:
                builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
                if photo_type is not None:
                    ingredient = json.dumps({"title": name, "relationship": "parentOf"})
                    builder.add_ingredient(ingredient, photo_type, io.BytesIO(photo))
                builder.sign(self._make_signer(), _MIME_TYPES[file_format], io.BytesIO(result), signed)
        except c2pa.C2paError as error:
            raise UnreadablePhotoError("the result could not be signed", str(error)) from error
        return signed.getvalue()

    def _make_signer(self):
        import c2pa
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519

        content = self.certificate.read_bytes()
        key = serialization.load_pem_private_key(content, password=None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            algorithm = {256: b"es256", 384: b"es384", 521: b"es512"}[key.curve.key_size]
        else:
            algorithm = b"ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else b"ps256"
        pem = serialization.Encoding.PEM
        chain = b"".join(one.public_bytes(pem) for one in x509.load_pem_x509_certificates(content))
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, chain, private, None))
