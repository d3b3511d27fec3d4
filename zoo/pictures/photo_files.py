"""Opens photo files of the kinds that shops have, by content, and says what is wrong with others.

Imports no TensorFlow: catalogues are read in worker processes, which must start quickly and stay small.
"""

import contextlib
import io
import re
import warnings

from PIL import Image

from zoo.pictures import png_chunks
from zoo.pictures.limits import MAX_METADATA_BYTES, MAX_PIXELS, MAX_SIDE_PIXELS

# Formats that Pillow decodes itself; EPS and PDF would start another program. HEIF comes with an extra.
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
_FIRST_BYTES = {
    b"\xff\xd8\xff": "JPEG",
    png_chunks.SIGNATURE: "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TIFF"),
}
# What users have beside them: first bytes, where they stand, what it is.
_OTHER_KINDS = (
    (b"8BPS", 0, "Photoshop"),
    (b"%PDF", 0, "PDF"),
    (b"%!PS", 0, "PostScript"),
    (b"<svg", 0, "SVG"),
    (b"<?xml", 0, "XML or SVG"),
    (b"\xff\x0a", 0, "JPEG XL"),
    (b"JXL ", 4, "JPEG XL"),
    (b"jP  ", 4, "JPEG 2000"),
    (b"ftypcrx", 4, "camera raw"),
    (b"ftypqt", 4, "film"),
    (b"ftypisom", 4, "film"),
    (b"ftypmp4", 4, "film"),
)
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
WHITE = (255, 255, 255)
# So many of them tell what a file is.
FIRST_BYTES = 16


class UnreadablePhotoError(ValueError):
    """Raised for a file that is no readable photo.

    Args:
        reason: One of a few fixed phrases, which can be counted.
        detail: Details of this file; may be empty.
    """

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail

    @classmethod
    def of(cls, error: Exception) -> "UnreadablePhotoError":
        """Returns the error that says why a decoder failed: `truncated` or `damaged`."""
        if isinstance(error, cls):
            return error
        reason = "truncated" if _is_cut_off(error) else "damaged"
        return cls(reason, str(error) or type(error).__name__)


def open_photo(content: bytes) -> Image.Image:
    """Opens a photo file and checks its size, without decoding its pixels.

    Raises:
        UnreadablePhotoError: It is no photo, its header is damaged, or it is too large.
    """
    # Beyond twice this, Pillow refuses by itself what it opens.
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    Image.init()
    _register_heif()
    too_large = f"larger than {MAX_PIXELS // 10**6} megapixels"
    if content.startswith(png_chunks.SIGNATURE):
        try:
            content = png_chunks.without_extras(content, MAX_METADATA_BYTES)
        except ValueError as error:
            raise UnreadablePhotoError("damaged", str(error)) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(
                io.BytesIO(content), formats=[name for name in _FORMATS if name in Image.OPEN]
            )
    except Image.DecompressionBombError as error:
        (num_pixels,) = re.findall(r"\((\d+) pixels", str(error)) or ["?"]
        raise UnreadablePhotoError(too_large, f"{num_pixels} pixels") from error
    except Exception as error:  # noqa: BLE001 - decoders raise anything on a damaged file
        raise _why_not_opened(content) from error
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise UnreadablePhotoError(too_large, f"{width} x {height}")
    if max(width, height) > MAX_SIDE_PIXELS:
        raise UnreadablePhotoError(f"a side of more than {MAX_SIDE_PIXELS:,} pixels", f"{width} x {height}")
    return picture


def format_of(first_bytes: bytes) -> str | None:
    """Returns Pillow's name of a photo file's format, from its first 16 bytes; None for other files.

    Example:

    >>> format_of(b"RIFF....WEBPVP8 "), format_of(b"%PDF-1.7")
    ('WEBP', None)
    """
    for start, name in _FIRST_BYTES.items():
        if first_bytes.startswith(start):
            return name
    if first_bytes[:4] == b"RIFF" and first_bytes[8:12] == b"WEBP":
        return "WEBP"
    if first_bytes[4:8] == b"ftyp":
        if first_bytes[8:12] in (b"avif", b"avis"):
            return "AVIF"
        return "HEIF" if first_bytes[8:12] in _HEIF_BRANDS else None
    return None


def _register_heif() -> None:
    if "HEIF" in Image.OPEN:
        return
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()


def _why_not_opened(content: bytes) -> UnreadablePhotoError:
    if not content:
        return UnreadablePhotoError("not an image", "the file is empty")
    if content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS and "HEIF" not in Image.OPEN:
        advice = 'HEIC: install it by `pip install "product-image-zoo[heic]"`, or save the photo as JPEG'
        return UnreadablePhotoError("a kind of file that is not read", advice)
    start = content[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    for first, position, kind in _OTHER_KINDS:
        if start[position:].startswith(first):
            return UnreadablePhotoError("a kind of file that is not read", f"{kind}; save it as JPEG or PNG")
    if content[1:4] == b"PNG" and not content.startswith(png_chunks.SIGNATURE):
        return UnreadablePhotoError("damaged", "a PNG file whose line ends were changed when it was copied")
    if format_of(content[:FIRST_BYTES]) is not None:
        return UnreadablePhotoError("truncated", "the header is damaged or ends early")
    return UnreadablePhotoError("not an image", f"begins with {content[:4].hex(' ')}")


def _is_cut_off(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, EOFError) or any(
        word in text for word in ("truncated", "not enough", "unexpected end")
    )
