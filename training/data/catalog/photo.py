"""Finds, checks, decodes and converts one photo of a catalogue.

Imports no TensorFlow, because it runs in worker processes, which must start quickly and stay small.

Photos become 8-bit sRGB.
"""

import dataclasses
import functools
import hashlib
import io
import os
import re
import stat
import unicodedata
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image, ImageOps

from training.data.catalog.derived import DERIVED, Judgement
from training.data.catalog.near_duplicates import look_of
from training.data.catalog.product import Product, find_product
from training.data.catalog.quarantine import UnreadableRowError
from zoo.pictures import photo as whole_photo
from zoo.pictures.doubt import DOUBTFUL
from zoo.pictures.limits import MAX_FILE_BYTES
from zoo.pictures.photo_files import WHITE, UnreadablePhotoError, open_photo

FITS = ("crop", "pad")
# Side in pixels at which attributes are judged.
JUDGED_SIDE = 256
# Shrinking inside the JPEG decoder halves its time. It leaves pictures larger than the result by at least
# this factor, which keeps the bicubic filter in charge of the picture's look.
_JPEG_REDUCING_GAP = 1.5
_JPEG_END = b"\xff\xd9"
# Markers of frame headers: baseline, extended and progressive, all with Huffman codes; and those in their
# range that belong to tables.
_HUFFMAN_FRAMES, _NO_FRAMES = (0xC0, 0xC1, 0xC2), (0xC4, 0xC8, 0xCC)


@dataclasses.dataclass(frozen=True)
class PhotoSettings:
    """Settings for checking and converting photos.

    Args:
        images_dir: The folder that all photos must lie in.
        size: Side of the square pictures in pixels; None keeps the photos' own sizes.
        fit: How to make a photo square: `crop` cuts out the centre, `pad` adds white.
        min_size: Smallest allowed side in pixels; smaller photos are refused.
        cuts_out: Whether to show only the product, centred on white.
        min_confidence: Smallest confidence of a cut-out's mask; others are refused.
        derived: Attributes to judge from the product (`training/data/catalog/derived.py`).
        masks_dir: Folder with the products' masks, or None.
        halves: Whether to halve the sides of every photo.
    """

    images_dir: Path
    size: int | None = None
    fit: str = "crop"
    min_size: int = 1
    cuts_out: bool = False
    min_confidence: float = DOUBTFUL
    derived: tuple[str, ...] = ()
    masks_dir: Path | None = None
    halves: bool = False


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
        derived: The judged attributes, by name.
        mask_bytes: The product's mask as a grey PNG file of the converted photo's size; empty if not
            requested.
    """

    image_bytes: bytes
    width: int
    height: int
    digest: bytes
    perceptual_hash: int
    thumbnail: np.ndarray
    derived: Mapping[str, Judgement] = dataclasses.field(default_factory=dict)
    mask_bytes: bytes = b""


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
            photo = _convert(content, settings)
            if settings.masks_dir is None:
                return photo
            return dataclasses.replace(
                photo, mask_bytes=_read_mask(file, settings.masks_dir, (photo.width, photo.height), settings)
            )
        except UnreadableRowError:
            raise
        except Exception as error:  # noqa: BLE001 - decoders raise anything on a damaged file
            cause = UnreadablePhotoError.of(error)
            raise UnreadableRowError(cause.reason, cause.detail) from error


def find_photo(file: str, images_dir: Path) -> Path:
    """Returns the path of a photo with all symlinks resolved; it lies in the folder.

    Paths that start with the folder's own name are also accepted.

    Raises:
        UnreadableRowError: If the photo does not exist, or lies outside the folder.
    """
    outside = UnreadableRowError("outside the image folder", file)
    if not file.strip():
        raise UnreadableRowError("no photo named")
    if _is_not_utf8(file):
        raise UnreadableRowError("a name that is not UTF-8", "rename the file")
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
    for spelling in dict.fromkeys(spellings):
        # Tables made on other systems, on which upper and lower case are the same.
        folder, name = os.path.split(os.path.realpath(os.path.join(root, spelling)))
        alike = _names_by_lower_case(folder).get(name.lower(), [])
        if len(alike) == 1:
            path = os.path.realpath(os.path.join(folder, alike[0]))
            if os.path.commonpath([root, path]) != root:
                raise outside
            return Path(path)
    raise UnreadableRowError("missing")


@functools.lru_cache(maxsize=64)
def _names_by_lower_case(folder: str) -> dict[str, list[str]]:
    """Returns the names in a folder by their lower-case form; none if it cannot be read."""
    names: dict[str, list[str]] = {}
    try:
        for name in os.listdir(folder):
            names.setdefault(name.lower(), []).append(name)
    except OSError:
        pass
    return names


def _is_not_utf8(file: str) -> bool:
    try:
        file.encode()
    except UnicodeEncodeError:  # Python keeps such bytes as surrogates
        return True
    return False


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
    picture = open_photo(content)
    width, height = picture.size
    if min(width, height) < settings.min_size:
        raise UnreadableRowError(f"smaller than {settings.min_size} pixels", f"{width} x {height}")
    read = whole_photo.Photo.read(
        content, reduced_to=round(settings.size * _JPEG_REDUCING_GAP) if settings.size else None
    )
    width, height = read.full_size or read.size
    upright = Image.fromarray(read.on_white())
    product = _find_product(read, settings)
    if product is not None and settings.cuts_out:
        shown = Image.fromarray(product.on_white(settings.size))
    else:
        shown = upright if settings.size is None else _to_square(upright, settings.size, settings.fit)
        if settings.halves:
            shown = _halved(shown)
    is_unchanged = settings.size is None and not settings.cuts_out and not settings.halves
    is_plain_jpeg = picture.format == "JPEG" and read.is_plain
    if is_unchanged and is_plain_jpeg and _is_read_by_tensorflow(content):
        image_bytes = content
    else:
        buffer = io.BytesIO()
        shown.save(buffer, "PNG", compress_level=1)
        image_bytes = buffer.getvalue()
    look = look_of(shown)
    return Photo(
        image_bytes=image_bytes,
        width=width,
        height=height,
        digest=hashlib.sha256(content).digest()[:16],
        perceptual_hash=look.perceptual_hash,
        thumbnail=look.thumbnail,
        derived={} if product is None else {name: DERIVED[name].judge(product) for name in settings.derived},
    )


def _is_read_by_tensorflow(jpeg: bytes) -> bool:
    """Whether a JPEG file is of a kind that TensorFlow decodes, and without the damage that it refuses.

    Pillow reads more: lossless and arithmetic coding, files without an end marker, and damaged pixels.
    """
    if not jpeg.endswith(_JPEG_END) or _frame_marker(jpeg) not in _HUFFMAN_FRAMES:
        return False
    try:
        simplejpeg.decode_jpeg(jpeg, strict=True)
    except ValueError:
        return False
    return True


def _frame_marker(jpeg: bytes) -> int | None:
    """Returns the marker of a JPEG file's frame header, which tells how its pixels are coded."""
    position = 2
    while jpeg[position : position + 1] == b"\xff":
        marker = jpeg[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES:
            return marker
        position += 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
    return None


def _read_mask(file: str, masks_dir: Path, size: tuple[int, int], settings: PhotoSettings) -> bytes:
    try:
        content = _read_file(find_photo(str(Path(file).with_suffix(".png")), masks_dir))
    except UnreadableRowError as error:
        raise UnreadableRowError(f"mask: {error.reason}", error.detail) from error
    try:
        mask = open_photo(content)
        mask.load()
    except Exception as error:  # noqa: BLE001 - decoders raise anything on a damaged file
        cause = UnreadablePhotoError.of(error)
        raise UnreadableRowError(f"mask: {cause.reason}", cause.detail) from error
    if mask.size != size:
        received = "the mask has {} x {} pixels, the photo {} x {}".format(*mask.size, *size)
        raise UnreadableRowError("mask: another size than its photo", received)
    mask = mask.convert("L")
    if settings.size is not None:
        mask = _to_square(mask, settings.size, settings.fit, outside=0)
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return buffer.getvalue()


def _to_square(picture: Image.Image, size: int, fit: str, outside=WHITE) -> Image.Image:
    if fit == "pad":
        return ImageOps.pad(picture, (size, size), Image.Resampling.BICUBIC, color=outside)
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    box = (left, top, left + side, top + side)
    return picture.resize((size, size), Image.Resampling.BICUBIC, box=box)


def _halved(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    sides = max(width // 2, 1), max(height // 2, 1)
    # Without the last row or column where there is an odd number of them, so that the scale is exactly 2.
    box = (0, 0, min(2 * sides[0], width), min(2 * sides[1], height))
    return picture.resize(sides, Image.Resampling.BICUBIC, box=box)


def _find_product(photo: whole_photo.Photo, settings: PhotoSettings) -> Product | None:
    """Finds the product if it is needed; as the result, only a mask that is sure is good enough."""
    if settings.cuts_out:
        product = find_product(photo.with_opacity(), settings.size)
        if product.confidence < settings.min_confidence:
            received = f"sure by {product.confidence:.2f}, at least {settings.min_confidence} is needed"
            raise UnreadableRowError("doubtful mask", received)
        return product
    return find_product(photo.with_opacity(), JUDGED_SIDE) if settings.derived else None
