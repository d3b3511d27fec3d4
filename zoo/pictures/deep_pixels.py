"""Reads and writes pictures of 16 bits a channel, which Pillow reduces to 8."""

import io
import struct

import numpy as np

from zoo.pictures.png_chunks import read_chunks

_PNG_HEADER_BYTES = 33
_BITS_PER_SAMPLE = 258


def is_deep(content: bytes, file_format: str, tags=None) -> bool:
    """Returns whether a file has 16 bits a channel.

    Args:
        content: The file's bytes.
        file_format: Pillow's name of the format.
        tags: The tags of a TIFF file, by number.
    """
    if file_format == "PNG":
        return len(content) >= _PNG_HEADER_BYTES and content[24] == 16
    if file_format == "TIFF" and tags is not None:
        bits = tags.get(_BITS_PER_SAMPLE, 1)
        return set(bits if isinstance(bits, tuple) else (bits,)) == {16}
    return False


def read_deep(content: bytes, file_format: str) -> np.ndarray:
    """Decodes a PNG or TIFF file of 16 bits a channel.

    Returns:
        uint16 array `[h, w, C]`; two or four channels are grey or RGB with opacity, or CMYK.
    """
    if file_format == "PNG":
        import imagecodecs

        pixels = imagecodecs.png_decode(content)
    else:
        import tifffile

        with tifffile.TiffFile(io.BytesIO(content)) as file:
            page = file.pages.first
            pixels = page.asarray()
            if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and pixels.ndim == 3:
                pixels = np.moveaxis(pixels, 0, -1)
            if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
                pixels = 65535 - pixels
    return pixels[..., None] if pixels.ndim == 2 else pixels


def transparent_value(content: bytes) -> tuple[int, ...] | None:
    """Returns the grey level or colour that a 16-bit PNG file declares transparent, if any."""
    for name, data in read_chunks(content):
        if name == b"tRNS" and len(data) in (2, 6):
            return struct.unpack(f">{len(data) // 2}H", data)
    return None


def write_deep_png(pixels: np.ndarray) -> bytes:
    """Encodes uint16 `[h, w, 1, 2, 3 or 4]` as a PNG file."""
    import imagecodecs

    if pixels.shape[-1] == 1:  # imagecodecs refuses some strides of an axis of length 1
        pixels = pixels[..., 0]
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels), level=3))


def write_deep_tiff(pixels: np.ndarray, has_opacity: bool, extra_tags, dpi) -> bytes:
    """Encodes uint16 `[h, w, C]` as a TIFF file.

    Args:
        pixels: Grey, RGB or CMYK values, followed by opacity if `has_opacity`.
        has_opacity: Whether the last channel is opacity.
        extra_tags: Further tags, as `tifffile.TiffWriter.write` takes them.
        dpi: Horizontal and vertical resolution in pixels per inch, or None.
    """
    import tifffile

    num_colours = pixels.shape[-1] - has_opacity
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        pixels if pixels.shape[-1] > 1 else pixels[..., 0],
        photometric={1: "minisblack", 3: "rgb", 4: "separated"}[num_colours],
        extrasamples=["unassalpha"] if has_opacity else None,
        compression="adobe_deflate",
        predictor=True,
        resolution=dpi,
        resolutionunit=None if dpi is None else "INCH",
        extratags=extra_tags,
        software=False,
        metadata=None,
    )
    return buffer.getvalue()
