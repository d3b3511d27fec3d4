"""Finds, checks, decodes and converts one photo of a catalogue.

Imports no TensorFlow, because it runs in worker processes, which must start quickly and stay small.

Photos become 8-bit RGB. Colour profiles are ignored, as in serving.
"""

import contextlib
import dataclasses
import hashlib
import io
import os
import re
import stat
import unicodedata
import warnings
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image, ImageOps

from training.data.catalog.quarantine import UnreadableRowError

MAX_PIXELS = 25_000_000
# The largest possible JPEG; PNG decoders refuse a side of a million pixels.
MAX_SIDE_PIXELS = 65_535
MAX_FILE_BYTES = 256 << 20
FITS = ("crop", "pad")
THUMBNAIL_SIDE = 8
COLOUR_SIDE = 128
# Formats that Pillow decodes itself; EPS and PDF would start another program.
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_FIRST_BYTES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\0", b"MM\0*")
# Shrinking inside the JPEG decoder halves its time. It leaves pictures larger than the result by at least
# this factor, which keeps the bicubic filter in charge of the picture's look.
_JPEG_REDUCING_GAP = 1.5
_JPEG_END = b"\xff\xd9"
_WHITE = (255, 255, 255)


@dataclasses.dataclass(frozen=True)
class PhotoSettings:
    """Settings for checking and converting photos.

    Args:
        images_dir: The folder that all photos must lie in.
        size: Side of the square pictures in pixels; None keeps the photos' own sizes.
        fit: How to make a photo square: `crop` cuts out the centre, `pad` adds white.
        min_size: Smallest allowed side in pixels; smaller photos are refused.
        derives_colour: Whether to detect the product's colour.
    """

    images_dir: Path
    size: int | None = None
    fit: str = "crop"
    min_size: int = 1
    derives_colour: bool = False


@dataclasses.dataclass(frozen=True)
class Photo:
    """An accepted photo.

    Args:
        image_bytes: The converted photo as a PNG file, or the original JPEG file if it needs no conversion.
        width: Width in pixels of the original photo, upright.
        height: Height in pixels of the original photo, upright.
        digest: Hash of the file's content.
        perceptual_hash: 64-bit hash, most bits of which are equal for similar photos.
        thumbnail: uint8 array `[8, 8, 3]`: the photo reduced to 8 x 8 pixels.
        colour: Detected colour; `""` if uncertain or not requested.
        colour_confidence: Confidence in the colour, range [0, 1].
    """

    image_bytes: bytes
    width: int
    height: int
    digest: bytes
    perceptual_hash: int
    thumbnail: np.ndarray
    colour: str = ""
    colour_confidence: float = 0.0


def read_photo(file: str, settings: PhotoSettings) -> Photo:
    """Reads the photo that a row names.

    Args:
        file: The photo's path relative to `settings.images_dir`, as written in the table.
        settings: How to check and convert it.

    Returns:
        The photo.

    Raises:
        UnreadableRowError: If the photo has to be refused, with the reason.

    Example:

    ```python
    photo = read_photo("shirts/1.jpg", PhotoSettings(images_dir=Path("photos"), size=64))
    ```
    """
    content = _read_file(find_photo(file, settings.images_dir))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about odd metadata
        try:
            return _convert(content, settings)
        except UnreadableRowError:
            raise
        except Exception as error:  # noqa: BLE001 - decoders raise anything on a damaged file
            reason = "truncated" if _is_cut_off(error) else "damaged"
            raise UnreadableRowError(reason, str(error) or type(error).__name__) from error


def find_photo(file: str, images_dir: Path) -> Path:
    """Returns the path of a photo with all symlinks resolved; it lies in the folder.

    Paths that start with the folder's own name are also accepted.

    Raises:
        UnreadableRowError: If the photo does not exist, or lies outside the folder.
    """
    outside = UnreadableRowError("outside the image folder", file)
    if not file.strip():
        raise UnreadableRowError("no photo named")
    if "\0" in file:
        raise UnreadableRowError("missing", "no file has a zero in its name")
    if os.path.isabs(file) or re.match(r"[A-Za-z]:[\\/]|\\\\", file):
        raise outside
    root = os.path.realpath(images_dir)
    spellings = [file, file.strip(), file.replace("\\", "/")]
    # Accented letters: macOS stores them decomposed, other systems composed.
    spellings += [unicodedata.normalize(form, file) for form in ("NFC", "NFD")]
    first, _, rest = spellings[2].partition("/")
    if first == os.path.basename(root) and rest:
        spellings.append(rest)
    for spelling in dict.fromkeys(spellings):
        path = os.path.realpath(os.path.join(root, spelling))
        if os.path.commonpath([root, path]) != root:
            raise outside
        if os.path.lexists(path):
            return Path(path)
    raise UnreadableRowError("missing")


def _read_file(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a named pipe would block forever
            raise UnreadableRowError("not an image", "not a file")
        if status.st_size > MAX_FILE_BYTES:
            raise UnreadableRowError(
                "file too large", f"{status.st_size >> 20} MiB, at most {MAX_FILE_BYTES >> 20}"
            )
        return path.read_bytes()
    except OSError as error:
        raise UnreadableRowError("missing", error.strerror or type(error).__name__) from error


def _convert(content: bytes, settings: PhotoSettings) -> Photo:
    picture = _open(content)
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise UnreadableRowError(f"larger than {MAX_PIXELS // 10**6} megapixels", f"{width} x {height}")
    if max(width, height) > MAX_SIDE_PIXELS:
        raise UnreadableRowError(f"a side of more than {MAX_SIDE_PIXELS:,} pixels", f"{width} x {height}")
    if min(width, height) < settings.min_size:
        raise UnreadableRowError(f"smaller than {settings.min_size} pixels", f"{width} x {height}")
    if settings.size and picture.format in ("JPEG", "MPO"):
        wanted = round(settings.size * _JPEG_REDUCING_GAP)
        picture.draft(None, (wanted, wanted))
    picture.load()  # before the metadata: reading a PNG's metadata first would hide damaged pixels
    orientation = _read_orientation(picture)
    if orientation >= 5:
        width, height = height, width
    is_plain_jpeg = picture.format == "JPEG" and picture.mode in ("L", "RGB") and orientation == 1
    _turn_upright(picture)
    upright = _to_rgb(picture)
    shown = upright if settings.size is None else _to_square(upright, settings.size, settings.fit)
    # Decoders disagree on whether a JPEG without its end marker is truncated.
    if settings.size is None and is_plain_jpeg and content.endswith(_JPEG_END):
        image_bytes = content
    else:
        buffer = io.BytesIO()
        shown.save(buffer, "PNG", compress_level=1)
        image_bytes = buffer.getvalue()
    colour, confidence = _judge_colour(upright) if settings.derives_colour else ("", 0.0)
    small = shown.resize((THUMBNAIL_SIDE * 4,) * 2, Image.Resampling.BOX)
    return Photo(
        image_bytes=image_bytes,
        width=width,
        height=height,
        digest=hashlib.sha256(content).digest()[:16],
        perceptual_hash=int(str(imagehash.phash(small)), 16),
        thumbnail=np.asarray(small.reduce(4)),
        colour=colour,
        colour_confidence=confidence,
    )


def _open(content: bytes) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = None  # `_convert` checks the limit before it decodes anything
    Image.init()
    try:
        return Image.open(io.BytesIO(content), formats=[name for name in _FORMATS if name in Image.OPEN])
    except Exception as error:  # noqa: BLE001 - as above
        if content.startswith(_FIRST_BYTES) or content[8:12] == b"WEBP":
            raise UnreadableRowError("truncated", "the header is damaged or ends early") from error
        detail = "the file is empty" if not content else f"begins with {content[:4].hex(' ')}"
        raise UnreadableRowError("not an image", detail) from error


def _is_cut_off(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, EOFError) or any(
        word in text for word in ("truncated", "not enough", "unexpected end")
    )


def _read_orientation(picture: Image.Image) -> int:
    try:
        orientation = picture.getexif().get(0x0112, 1)
    except Exception:  # noqa: BLE001 - damaged metadata is no reason to refuse a photo
        return 1
    return orientation if orientation in range(1, 9) else 1


def _turn_upright(picture: Image.Image) -> None:
    # Pillow turns the pixels before it rewrites the metadata, which may fail if these are damaged.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(picture, in_place=True)


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Converts any mode to 8-bit RGB, with transparent parts on white."""
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode == "F":
        raise UnreadableRowError("unknown colour mode", "floating-point pixels have no known white")
    if picture.mode.startswith("I"):
        return _from_deep_grey(picture)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    with_alpha = picture.convert("RGBA")
    white = Image.new("RGBA", with_alpha.size, (*_WHITE, 255))
    return Image.alpha_composite(white, with_alpha).convert("RGB")


def _from_deep_grey(picture: Image.Image) -> Image.Image:
    """Converts 16-bit grey to RGB; Pillow's own conversion would clip at 255 or drop bits."""
    values = np.asarray(picture).astype("int64")
    if values.min() < 0 or values.max() > 65535:
        raise UnreadableRowError("unknown colour mode", "more than 16 bits a pixel")
    transparent = picture.info.get("transparency")
    grey = ((values * 255 + 32767) // 65535).astype("uint8")
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return Image.fromarray(grey).convert("RGB")


def _to_square(picture: Image.Image, size: int, fit: str) -> Image.Image:
    if fit == "pad":
        return ImageOps.pad(picture, (size, size), Image.Resampling.BICUBIC, color=_WHITE)
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    box = (left, top, left + side, top + side)
    return picture.resize((size, size), Image.Resampling.BICUBIC, box=box)


def _judge_colour(picture: Image.Image) -> tuple[str, float]:
    from training.colour.product_colour import judge_colour

    small = picture.copy()
    small.thumbnail((COLOUR_SIDE, COLOUR_SIDE), Image.Resampling.BICUBIC)
    judgement = judge_colour(np.asarray(small))
    return judgement.colour, float(judgement.confidence)
