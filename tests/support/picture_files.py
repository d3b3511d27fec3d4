"""Builds PNG and JPEG files byte by byte, for tests."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

HEIGHT, WIDTH = 24, 33
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH]
RGB = np.stack([COLUMNS * 7, ROWS * 10, (ROWS + COLUMNS) * 4], axis=-1).astype("uint8")
ALPHA = (COLUMNS * 7).astype("uint8")


def saved(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name, content=b""):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width, height, bits, colour_type, lines, chunks=b"", interlace=0):
    """Builds a PNG; `lines` are the bytes of its rows."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, interlace)
    pixels = zlib.compress(b"".join(b"\0" + line for line in lines))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunks + chunk(b"IDAT", pixels) + chunk(b"IEND")


def packed(values, bits):
    digits = np.unpackbits(values.astype("uint8")[..., np.newaxis], axis=-1)[..., 8 - bits :]
    return [np.packbits(row).tobytes() for row in digits.reshape(len(values), -1)]


def deep(values):
    return [row.astype(">u2").tobytes() for row in values]


def exif_bytes(orientation, byte_order="<", kind="H"):
    mark = b"II*\0" if byte_order == "<" else b"MM\0*"
    value = struct.pack(byte_order + kind, orientation).ljust(4, b"\0")
    make = struct.pack(byte_order + "HHI4s", 0x010F, 2, 4, b"Zoo\0")
    turn = struct.pack(byte_order + "HHI4s", 0x0112, {"H": 3, "I": 4}[kind], 1, value)
    return mark + struct.pack(byte_order + "IH", 8, 2) + make + turn + bytes(4)


def jpeg_with(segments, file=None):
    """Inserts `segments`, pairs of marker and content, right behind a JPEG's start."""
    file = saved(Image.fromarray(RGB), "JPEG", quality=95) if file is None else file
    inserted = b"".join(
        bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content for marker, content in segments
    )
    return file[:2] + inserted + file[2:]


def jpeg_frame(file, marker=None, bits=None, size=None, components=None):
    """Changes fields of a JPEG's frame header."""
    start = next(i for i in (file.find(b"\xff\xc0"), file.find(b"\xff\xc2")) if i > 0)
    changed = bytearray(file)
    if marker is not None:
        changed[start + 1] = marker
    if bits is not None:
        changed[start + 4] = bits
    if size is not None:
        changed[start + 5 : start + 9] = struct.pack(">HH", size[1], size[0])
    if components is not None:
        changed[start + 9] = components
    return bytes(changed)


PICTURE = Image.fromarray(RGB)
GREY = PICTURE.convert("L")
PNG = saved(PICTURE, "PNG")
JPEG = saved(PICTURE, "JPEG", quality=95)
DEEP_RGB = np.stack([COLUMNS * 1900, ROWS * 2700, (ROWS + COLUMNS) * 1100], axis=-1).astype("uint16")

PNGS = {
    "rgb": PNG,
    "rgba": saved(Image.fromarray(np.dstack([RGB, ALPHA])), "PNG"),
    "grey": saved(GREY, "PNG"),
    "grey_alpha": saved(Image.merge("LA", [GREY, Image.fromarray(ALPHA)]), "PNG"),
    "palette_16": saved(PICTURE.quantize(16), "PNG"),
    "palette_256": saved(PICTURE.quantize(256), "PNG"),
    "palette_transparent": saved(PICTURE.quantize(16), "PNG", transparency=bytes([0, 99, 255])),
    "rgb_transparent_colour": saved(PICTURE, "PNG", transparency=tuple(map(int, RGB[3, 4]))),
    "grey_transparent_colour": saved(GREY, "PNG", transparency=int(np.asarray(GREY)[3, 4])),
    "one_bit": saved(PICTURE.convert("1"), "PNG"),
    "two_bits": png(WIDTH, HEIGHT, 2, 0, packed((ROWS + COLUMNS) % 4, 2)),
    "four_bits": png(WIDTH, HEIGHT, 4, 0, packed((ROWS + COLUMNS) % 16, 4)),
    "two_bits_palette": png(
        WIDTH, HEIGHT, 2, 3, packed((ROWS + COLUMNS) % 4, 2), chunk(b"PLTE", bytes(range(0, 240, 20)))
    ),
    "many_chunks": saved(PICTURE, "PNG").replace(
        chunk(b"IEND"), chunk(b"IDAT") * 3 + chunk(b"tEXt", b"Comment\0" + b"x" * 99) + chunk(b"IEND")
    ),
    "bytes_after_the_end": PNG + b"\0something else\0",
    "exif_before_pixels": saved(PICTURE, "PNG", exif=exif_bytes(6)),
    "exif_after_pixels": PNG.replace(chunk(b"IEND"), chunk(b"eXIf", exif_bytes(5, ">")) + chunk(b"IEND")),
    "exif_with_its_mark": PNG.replace(
        chunk(b"IEND"), chunk(b"eXIf", b"Exif\0\0" + exif_bytes(8)) + chunk(b"IEND")
    ),
    "animated": saved(PICTURE, "PNG", save_all=True, append_images=[ImageOps.invert(PICTURE)]),
}


CMYK = Image.fromarray(np.dstack([RGB, (ROWS * 5).astype("uint8")]), "CMYK")
JPEGS = {
    "rgb": JPEG,
    "grey": saved(GREY, "JPEG", quality=95),
    "small_chroma": saved(PICTURE, "JPEG", subsampling=2),
    "progressive": saved(PICTURE, "JPEG", progressive=True),
    "restart_markers": saved(PICTURE, "JPEG", restart_marker_rows=1),
    "colour_profile": saved(PICTURE, "JPEG", icc_profile=bytes(range(256)) * 600),
    "cmyk": saved(CMYK, "JPEG", quality=95),
    # The last byte of Adobe's segment names the transform: 2 is YCCK, 0 is RGB that was never YCbCr.
    "ycck": saved(CMYK, "JPEG", quality=95).replace(b"Adobe\0\x64\0\0\0\0\0", b"Adobe\0\x64\0\0\0\0\2"),
    "untransformed_rgb": jpeg_with([(0xEE, b"Adobe\0\x64\0\0\0\0\0")], JPEG[:2] + JPEG[20:]),
    "fill_bytes": JPEG[:2] + b"\xff\xff\xff" + JPEG[2:],
    "bytes_after_the_end": JPEG + b"\0\0more",
    "bytes_with_an_end_after_the_end": JPEG + JPEG,
}
