"""Writes photos as files, with everything that they carry.

The same photo gives the same bytes.
"""

import dataclasses
import io

import numpy as np
from PIL import Image, TiffImagePlugin

from zoo.errors import WrongUsageError
from zoo.pictures import deep_pixels, png_chunks
from zoo.pictures.photo import Photo
from zoo.pictures.planes import to_eight_bits

SAME = "same"
# What `--format` takes; BMP and HEIC files keep their format too.
FORMATS = (SAME, "png", "jpeg", "webp", "avif", "tiff")
SUFFIXES = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "png": (".png", ".apng"),
    "webp": (".webp",),
    "avif": (".avif",),
    "tiff": (".tif", ".tiff"),
    "bmp": (".bmp",),
    "heif": (".heic", ".heif"),
}
DEFAULT_QUALITY = {"jpeg": 95, "webp": 95, "avif": 90, "heif": 90}
# From this quality on, JPEG files keep colours at full resolution.
FULL_CHROMA_QUALITY = 90
OPAQUE_FORMATS = ("jpeg", "bmp")
_DEEP_FORMATS = ("png", "tiff")
_ICC_TAG, _XMP_TAG, _EXIF_IFD_TAG, _GPS_IFD_TAG = 34675, 700, 34665, 34853
_INCHES_PER_METRE = 39.3701


@dataclasses.dataclass(frozen=True)
class Writing:
    """How results are written.

    Args:
        file_format: One of `FORMATS`; `same` keeps each photo's own.
        quality: 1 to 100, for formats that lose detail; None takes each format's default.
        strip: Whether metadata, resolution and profile are left out; colours are converted to sRGB.
        provenance: Line for the history in the metadata; None leaves it out.
    """

    file_format: str = SAME
    quality: int | None = None
    strip: bool = False
    provenance: str | None = None

    def __post_init__(self):
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise WrongUsageError(f"`--quality` must be from 1 to 100. Received: {self.quality}. Try 95.")

    def format_of(self, photo: Photo) -> str:
        """Returns the format in which a photo is written: PNG where the one asked for cannot hold it."""
        file_format = photo.file_format if self.file_format == SAME else self.file_format
        if file_format not in SUFFIXES or (photo.opacity is not None and file_format in OPAQUE_FORMATS):
            return "png"
        # No usual reader opens such TIFF files.
        if file_format == "tiff" and photo.is_deep and photo.is_grey and photo.opacity is not None:
            return "png"
        return file_format

    def write(self, photo: Photo) -> bytes:
        """Returns the bytes of a photo's file."""
        file_format = self.format_of(photo)
        if self.strip:
            # Colours without their profile would shift.
            photo = dataclasses.replace(photo.in_srgb(), metadata=type(photo.metadata)())
        elif self.provenance is not None:
            photo = dataclasses.replace(photo, metadata=photo.metadata.with_provenance(self.provenance))
        if photo.pixels.shape[-1] == 4 and file_format not in ("jpeg", "tiff"):
            photo = photo.in_srgb()
        if photo.is_deep and file_format in _DEEP_FORMATS:
            return _write_deep_png(photo) if file_format == "png" else _write_deep_tiff(photo)
        return _write_with_pillow(photo, file_format, self.quality or DEFAULT_QUALITY.get(file_format, 0))


def write_png(image: np.ndarray) -> bytes:
    """Encodes a picture as a PNG file, in little time rather than in few bytes.

    Args:
        image: uint8 array `[h, w, 1, 3 or 4]`.
    """
    buffer = io.BytesIO()
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def suffix_for(file_format: str, name: str) -> str:
    """Returns the ending of a result's name: the photo's own if it means this format.

    Example:

    >>> suffix_for("jpeg", "A.JPEG"), suffix_for("png", "A.JPEG")
    ('.JPEG', '.png')
    """
    suffix = name[name.rfind(".") :] if "." in name else ""
    return suffix if suffix.lower() in SUFFIXES[file_format] else SUFFIXES[file_format][0]


def _write_with_pillow(photo: Photo, file_format: str, quality: int) -> bytes:
    picture = _to_picture(photo)
    if file_format in ("avif", "heif") and picture.mode in ("L", "LA"):
        picture = picture.convert("RGBA" if picture.mode == "LA" else "RGB")
        # A profile of grey pixels means nothing there.
        photo = dataclasses.replace(photo.in_srgb(), profile=None) if photo.profile else photo
    metadata = photo.metadata
    options: dict = {"icc_profile": photo.profile or b""}
    if metadata.exif and file_format not in ("bmp", "tiff"):
        options["exif"] = b"Exif\0\0" + metadata.exif
    if metadata.dpi and file_format in ("png", "jpeg", "tiff", "bmp"):
        options["dpi"] = metadata.dpi
    buffer = io.BytesIO()
    if file_format == "png":
        picture.save(buffer, "PNG", compress_level=1, **options)
        content = buffer.getvalue()
        return png_chunks.insert_after_header(content, [_xmp_chunk(metadata.xmp)] if metadata.xmp else [])
    if file_format == "jpeg":
        picture.save(
            buffer,
            "JPEG",
            quality=quality,
            subsampling=0 if quality >= FULL_CHROMA_QUALITY else 2,
            extra=metadata.iptc,
            comment=metadata.comment,
            **_fitting_xmp(metadata.xmp),
            **options,
        )
    elif file_format == "webp":
        # `exact` keeps the colours of transparent pixels.
        is_lossless = photo.is_lossless and photo.file_format == "webp"
        picture.save(
            buffer,
            "WEBP",
            quality=quality,
            exact=True,
            lossless=is_lossless,
            xmp=metadata.xmp,
            **options,
        )
    elif file_format == "avif":
        options["subsampling"] = "4:4:4" if quality >= FULL_CHROMA_QUALITY else "4:2:0"
        picture.save(buffer, "AVIF", quality=quality, xmp=metadata.xmp, **options)
    elif file_format == "heif":
        import pillow_heif

        chroma = 444 if quality >= FULL_CHROMA_QUALITY else 420
        pillow_heif.register_heif_opener()
        options.update({"xmp": metadata.xmp} if metadata.xmp else {})
        picture.save(buffer, "HEIF", quality=quality, chroma=chroma, **options)
    elif file_format == "tiff":
        picture.save(buffer, "TIFF", compression="tiff_adobe_deflate", tiffinfo=_tiff_tags(photo), **options)
    else:
        picture.convert("RGB" if picture.mode == "CMYK" else picture.mode).save(buffer, "BMP", **options)
    return buffer.getvalue()


def _to_picture(photo: Photo) -> Image.Image:
    pixels = to_eight_bits(photo.pixels)
    if pixels.shape[-1] == 4:
        return Image.frombuffer("CMYK", photo.size, np.ascontiguousarray(pixels), "raw", "CMYK", 0, 1)
    if photo.opacity is not None:
        pixels = np.concatenate([pixels, to_eight_bits(photo.opacity)[..., None]], axis=-1)
        return Image.fromarray(pixels) if pixels.shape[-1] == 4 else _grey_with_opacity(pixels)
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else np.ascontiguousarray(pixels))


def _grey_with_opacity(pixels: np.ndarray) -> Image.Image:
    planes = [Image.fromarray(np.ascontiguousarray(pixels[..., channel])) for channel in range(2)]
    return Image.merge("LA", planes)


def _fitting_xmp(xmp: bytes) -> dict[str, bytes]:
    # A JPEG segment has at most 65,533 bytes; longer packets would have to be split by rules that few read.
    return {"xmp": xmp} if 0 < len(xmp) < 65_000 else {}


def _xmp_chunk(xmp: bytes) -> tuple[bytes, bytes]:
    return b"iTXt", png_chunks.XMP_KEYWORD + bytes(5) + xmp


def _pixels_of(photo: Photo) -> np.ndarray:
    return photo.pixels if photo.opacity is None else photo.with_own_opacity()


def _write_deep_png(photo: Photo) -> bytes:
    if photo.pixels.shape[-1] == 4:
        photo = photo.in_srgb()
    metadata = photo.metadata
    chunks = []
    if photo.profile:
        import zlib

        chunks.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(photo.profile)))
    if metadata.dpi:
        density = b"".join(round(value * _INCHES_PER_METRE).to_bytes(4, "big") for value in metadata.dpi)
        chunks.append((b"pHYs", density + b"\1"))
    if metadata.exif:
        chunks.append((b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append(_xmp_chunk(metadata.xmp))
    return png_chunks.insert_after_header(deep_pixels.write_deep_png(_pixels_of(photo)), chunks)


def _write_deep_tiff(photo: Photo) -> bytes:
    tags: list[tuple[int, int, int, bytes | str, bool]] = []
    if photo.profile:
        tags.append((_ICC_TAG, 7, len(photo.profile), photo.profile, True))
    if photo.metadata.xmp:
        tags.append((_XMP_TAG, 1, len(photo.metadata.xmp), photo.metadata.xmp, True))
    for tag, value in _described(photo).items():
        if isinstance(value, str):
            tags.append((tag, 2, 0, value, True))
    return deep_pixels.write_deep_tiff(_pixels_of(photo), photo.opacity is not None, tags, photo.metadata.dpi)


def _tiff_tags(photo: Photo) -> TiffImagePlugin.ImageFileDirectory_v2:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in _described(photo).items():
        tags[tag] = value
    if photo.metadata.xmp:
        tags.tagtype[_XMP_TAG] = 1
        tags[_XMP_TAG] = photo.metadata.xmp
    return tags


def _described(photo: Photo) -> dict:
    """Returns the EXIF data as tags of a TIFF file, which has them among its own."""
    if not photo.metadata.exif:
        return {}
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + photo.metadata.exif)
    tags = {tag: value for tag, value in exif.items() if tag not in (0x0112, _EXIF_IFD_TAG, _GPS_IFD_TAG)}
    for tag in (_EXIF_IFD_TAG, _GPS_IFD_TAG):
        directory = exif.get_ifd(tag)
        if directory:
            tags[tag] = dict(directory)
    return tags
