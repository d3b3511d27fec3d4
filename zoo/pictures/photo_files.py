"""Reads photo files of the kinds that shops have, and writes pictures.

Imports no TensorFlow: catalogues are read in worker processes, which must start quickly and stay small.

Colour profiles are ignored, as in serving.
"""

import contextlib
import io
import warnings

import numpy as np
from PIL import Image, ImageOps

MAX_PIXELS = 25_000_000
# The largest possible JPEG; PNG decoders refuse a side of a million pixels.
MAX_SIDE_PIXELS = 65_535
JPEG_QUALITY, WEBP_QUALITY = 95, 95
# Formats that Pillow decodes itself; EPS and PDF would start another program.
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_FIRST_BYTES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\0", b"MM\0*")
WHITE = (255, 255, 255)


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


def read_photo(content: bytes, has_opacity: bool = True) -> np.ndarray:
    """Decodes a photo file of any kind, upright.

    Args:
        content: The file's bytes.
        has_opacity: Whether transparency is kept; otherwise transparent parts are laid on white.

    Returns:
        uint8 array `[h, w, 3]`, or `[h, w, 4]` where the photo has transparent pixels that are kept.

    Raises:
        UnreadablePhotoError: It is no photo, too large, truncated or damaged.

    Example:

    >>> content = write_picture(np.full([2, 3, 3], 7, "uint8"), "png")
    >>> read_photo(content).shape, int(read_photo(content).max())
    ((2, 3, 3), 7)
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about odd metadata
        try:
            picture = open_photo(content)
            picture.load()  # before the metadata: reading a PNG's metadata first would hide damaged pixels
            turn_upright(picture)
            return to_array(picture) if has_opacity else np.asarray(to_rgb(picture))
        except Exception as error:  # noqa: BLE001 - decoders raise anything on a damaged file
            raise UnreadablePhotoError.of(error) from error


def write_picture(image: np.ndarray, file_format: str) -> bytes:
    """Encodes a picture.

    Args:
        image: uint8 array `[h, w, 1, 3 or 4]`.
        file_format: `png`, `webp`, or `jpeg`, which holds no transparency.

    Returns:
        The file's bytes.
    """
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    buffer = io.BytesIO()
    if file_format == "png":
        picture.save(buffer, "PNG", compress_level=1)
    elif file_format == "webp":
        # `exact` keeps the colours of transparent pixels.
        picture.save(buffer, "WEBP", quality=WEBP_QUALITY, exact=True)
    else:
        picture.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def open_photo(content: bytes) -> Image.Image:
    """Opens a photo file and checks its size, without decoding its pixels.

    Raises:
        UnreadablePhotoError: It is no photo, its header is damaged, or it is too large.
    """
    Image.MAX_IMAGE_PIXELS = None  # the limit is checked below, before anything is decoded
    Image.init()
    try:
        picture = Image.open(io.BytesIO(content), formats=[name for name in _FORMATS if name in Image.OPEN])
    except Exception as error:  # noqa: BLE001 - as above
        if content.startswith(_FIRST_BYTES) or content[8:12] == b"WEBP":
            raise UnreadablePhotoError("truncated", "the header is damaged or ends early") from error
        detail = "the file is empty" if not content else f"begins with {content[:4].hex(' ')}"
        raise UnreadablePhotoError("not an image", detail) from error
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise UnreadablePhotoError(f"larger than {MAX_PIXELS // 10**6} megapixels", f"{width} x {height}")
    if max(width, height) > MAX_SIDE_PIXELS:
        raise UnreadablePhotoError(f"a side of more than {MAX_SIDE_PIXELS:,} pixels", f"{width} x {height}")
    return picture


def _is_cut_off(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, EOFError) or any(
        word in text for word in ("truncated", "not enough", "unexpected end")
    )


def read_orientation(picture: Image.Image) -> int:
    """Returns the EXIF orientation, 1 to 8; 1 where it is unknown."""
    try:
        orientation = picture.getexif().get(0x0112, 1)
    except Exception:  # noqa: BLE001 - damaged metadata is no reason to refuse a photo
        return 1
    return orientation if orientation in range(1, 9) else 1


def turn_upright(picture: Image.Image) -> None:
    """Turns a picture upright, in place, as its EXIF orientation asks."""
    # Pillow turns the pixels before it rewrites the metadata, which may fail if these are damaged.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(picture, in_place=True)


def to_array(picture: Image.Image) -> np.ndarray:
    """Converts any mode to uint8 `[h, w, 3]`, or `[h, w, 4]` where pixels are transparent."""
    if picture.has_transparency_data and not picture.mode.startswith("I"):
        image = np.asarray(picture.convert("RGBA"))
        return image if (image[..., 3] < 255).any() else np.ascontiguousarray(image[..., :3])
    return np.asarray(to_rgb(picture))


def to_rgb(picture: Image.Image) -> Image.Image:
    """Converts any mode to 8-bit RGB, with transparent parts on white."""
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode == "F":
        raise UnreadablePhotoError("unknown colour mode", "floating-point pixels have no known white")
    if picture.mode.startswith("I"):
        return _from_deep_grey(picture)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    with_alpha = picture.convert("RGBA")
    white = Image.new("RGBA", with_alpha.size, (*WHITE, 255))
    return Image.alpha_composite(white, with_alpha).convert("RGB")


def _from_deep_grey(picture: Image.Image) -> Image.Image:
    """Converts 16-bit grey to RGB; Pillow's own conversion would clip at 255 or drop bits."""
    values = np.asarray(picture).astype("int64")
    if values.min() < 0 or values.max() > 65535:
        raise UnreadablePhotoError("unknown colour mode", "more than 16 bits a pixel")
    transparent = picture.info.get("transparency")
    grey = ((values * 255 + 32767) // 65535).astype("uint8")
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return Image.fromarray(grey).convert("RGB")
