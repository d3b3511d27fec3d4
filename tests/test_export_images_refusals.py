"""Pictures that are refused by name, and damage that must not end the process."""

import base64
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from decoded_rows import decode_row
from picture_files import (
    JPEG,
    JPEGS,
    PICTURE,
    PNG,
    PNGS,
    chunk,
    exif_bytes,
    jpeg_frame,
    jpeg_with,
    png,
    saved,
)
from PIL import Image

from export.images.jpeg_header import MAX_SEGMENTS
from export.images.png_header import MAX_CHUNKS, MAX_TEXTS
from zoo.pictures.limits import MAX_PIXELS, MAX_SIDE_PIXELS
from zoo.pictures.png_chunks import insert_after_header


@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
def decode_rgb(image_bytes):
    return decode_row(image_bytes, channels=3)


def allowed(file):
    raw_image, error = decode_rgb(file)
    assert error.numpy() == b""
    return raw_image.numpy()


def refusal(file):
    raw_image, error = decode_rgb(file)
    np.testing.assert_array_equal(raw_image, np.zeros([1, 1, 3]))
    return error.numpy().decode()


def test_thumbnail_end_does_not_hide_a_truncated_photo():
    photo = jpeg_with([(0xE1, b"Exif\0\0" + exif_bytes(1) + JPEG)])
    np.testing.assert_array_equal(allowed(photo), allowed(JPEG))
    assert "must be whole, up to its end marker (EOI). Received: " in refusal(photo[:-40])


HEADER = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
START = b"\x89PNG\r\n\x1a\n"
NEITHER = "`image_bytes` must hold a PNG or JPEG file. Received: "
REFUSED = {
    "empty": (b"", NEITHER + "0 bytes."),
    "text": (b"<html>", NEITHER + "6 bytes that begin with 3c 68 74 6d."),
    "short": (b"\xff", NEITHER + "1 bytes that begin with ff"),
    "gif": (saved(PICTURE, "GIF"), NEITHER + "a file of kind GIF."),
    "webp": (saved(PICTURE, "WEBP"), NEITHER + "a file of kind WebP."),
    "bmp": (saved(PICTURE, "BMP"), NEITHER + "a file of kind BMP."),
    "tiff": (saved(PICTURE, "TIFF"), NEITHER + "a file of kind TIFF"),
    "heic": (b"\0\0\0\x18ftypheic", NEITHER + "a file of kind HEIC or AVIF."),
    "png_in_base64": (base64.b64encode(PNG), NEITHER + "base64 as a plain string, which over REST must be"),
    "jpeg_in_base64": (base64.b64encode(JPEG), NEITHER + "base64 as a plain string"),
    "png_start": (START, "A PNG must begin with an IHDR chunk. Received: something else in 8 bytes."),
    "png_of_iphone": (
        START + chunk(b"CgBI", bytes(4)) + PNG[8:],
        "A PNG must begin with an IHDR chunk. Received: a CgBI chunk, as in the pictures inside iPhone",
    ),
    "png_header_only": (PNG[:33], "A PNG must be whole, from its IHDR to its IEND chunk. Received: 33 bytes"),
    "png_half": (PNG[: len(PNG) // 2], "bytes that end too early. Send the whole file."),
    "png_without_end": (PNG[:-12], "A PNG must be whole, from its IHDR to its IEND chunk."),
    "png_without_pixels": (START + chunk(b"IHDR", HEADER) + chunk(b"IEND"), "A PNG must be whole,"),
    "png_zero": (png(0, 5, 8, 2, [b""]), "at least 1 x 1 pixels. Received: width=0, height=5."),
    "png_layout": (
        png(8, 8, 4, 2, [b""]),
        "A PNG must have a colour type and bit depth of the PNG standard. Received: colour_type=2, bits=4.",
    ),
    "png_without_palette": (png(8, 8, 8, 3, [b""]), "must have a PLTE chunk before its pixels."),
    "png_oversized": (
        png(5001, 5000, 8, 0, [b""]),
        f"at most {MAX_PIXELS} pixels, so that it fits in memory. Received: width=5001, height=5000. Send",
    ),
    "png_monstrous": (png(2**32 - 1, 2**32 - 1, 8, 0, [b""]), f"at most {MAX_PIXELS} pixels"),
    "png_bomb": (png(5000, 5000, 8, 2, [b""]), "A PNG must be whole,"),
    "png_long": (
        png(1, MAX_SIDE_PIXELS + 1, 8, 0, [bytes(1)] * (MAX_SIDE_PIXELS + 1)),
        f"A photo's sides must have at most {MAX_SIDE_PIXELS} pixels. Received: width=1, height=65536.",
    ),
    "png_many_texts": (
        insert_after_header(PNG, [(b"zTXt", b"k\0\0" + zlib.compress(bytes(9)))] * (MAX_TEXTS + 1)),
        f"A PNG must have at most {MAX_TEXTS} compressed or international texts. Received: more.",
    ),
    "png_many_texts_at_the_end": (
        PNG[:-12] + chunk(b"iTXt", b"k\0\1\0\0\0") * (MAX_TEXTS + 1) + PNG[-12:],
        f"A PNG must have at most {MAX_TEXTS} compressed or international texts. Received: more.",
    ),
    "png_many_chunks": (
        png(8, 8, 8, 2, [b""], chunk(b"tEXt") * (MAX_CHUNKS + 1)),
        f"A PNG must have at most {MAX_CHUNKS} chunks before its pixels. Received: more.",
    ),
    "jpeg_start": (b"\xff\xd8", "A JPEG must be whole up to its pixels. Received: 2 bytes that end before"),
    "jpeg_header": (JPEG[:90], "A JPEG must be whole up to its pixels. Received: 90 bytes that end before"),
    "jpeg_noise": (JPEG[:20] + b"zoo" + JPEG[20:], "Received: something else at byte 20."),
    "jpeg_short_segment": (JPEG[:2] + b"\xff\xfe\0\1" + JPEG[2:], "Received: something else at byte 2."),
    "jpeg_only_end": (b"\xff\xd8\xff\xd9", "A JPEG must be whole up to its pixels."),
    "jpeg_half": (JPEG[: -len(JPEG) // 4], "A JPEG must be whole, up to its end marker (EOI). Received: "),
    "jpeg_without_end": (JPEG[:-2], "A JPEG must be whole, up to its end marker (EOI). Received: "),
    "jpeg_without_frame": (jpeg_frame(JPEG, marker=0xFE), "A JPEG must have a frame header (SOF)"),
    "jpeg_lossless": (
        jpeg_frame(JPEG, marker=0xC3),
        "baseline or progressive. Received: a JPEG that is lossless.",
    ),
    "jpeg_arithmetic": (jpeg_frame(JPEG, marker=0xC9), "Received: a JPEG that is arithmetic-coded."),
    "jpeg_hierarchical": (jpeg_frame(JPEG, marker=0xC5), "Received: a JPEG that is hierarchical."),
    "jpeg_12_bits": (jpeg_frame(JPEG, bits=12), "A JPEG must have 8 bits per sample. Received: bits=12."),
    "jpeg_components": (jpeg_frame(JPEG, components=2), "or CMYK (4). Received: components=2."),
    "jpeg_cmyk_without_adobe": (
        JPEGS["cmyk"].replace(b"Adobe", b"Other"),
        (
            "A CMYK JPEG must have an Adobe segment, which says how its inks are stored. "
            "Received: a JPEG without one."
        ),
    ),
    "jpeg_zero": (jpeg_frame(JPEG, size=(9, 0)), "at least 1 x 1 pixels. Received: width=9, height=0."),
    "jpeg_oversized": (
        jpeg_frame(JPEG, size=(65535, 65535)),
        "Received: width=65535, height=65535. Send a smaller photo.",
    ),
    "jpeg_bomb": (jpeg_frame(JPEG, size=(5000, 5000)), "A JPEG must be whole,"),
    "jpeg_many_segments": (
        jpeg_with([(0xFE, b"")] * (MAX_SEGMENTS + 1)),
        f"A JPEG must have at most {MAX_SEGMENTS} segments before its pixels. Received: more.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name):
    file, message = REFUSED[name]
    assert message in refusal(file)


def test_largest_allowed_picture_is_decoded():
    large = saved(Image.new("L", (5000, 5000), 200), "PNG")
    assert allowed(large).shape == (5000, 5000, 3)
    photo = saved(Image.new("L", (5000, 5000), 200), "JPEG", quality=10, optimize=True)
    assert allowed(photo).shape == (5000, 5000, 3)


DAMAGED = {
    "wrong_checksum": PNG[:60] + bytes([PNG[60] ^ 1]) + PNG[61:],
    "taller_than_its_pixels": png(8, 9, 8, 0, [bytes(8)] * 8),
    "wrong_header_checksum": PNG[:29] + bytes([PNG[29] ^ 1]) + PNG[30:],
    "jpeg_without_tables": JPEG.replace(b"\xff\xdb", b"\xff\xfe"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_that_only_the_decoder_finds_fails_the_run(name):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_rgb(DAMAGED[name])


def test_no_cut_and_no_flipped_byte_ends_the_process():
    random = np.random.default_rng(0)
    files = [*PNGS.values(), *JPEGS.values(), jpeg_with([(0xE1, b"Exif\0\0" + exif_bytes(6))])]
    for file in files:
        for _ in range(6):
            damaged = bytearray(file[: random.integers(2, len(file))] if random.random() < 0.4 else file)
            for position in random.integers(2, min(len(damaged), 200) + 1, size=2) - 1:
                damaged[position] = random.integers(256)
            try:
                raw_image, _ = decode_rgb(bytes(damaged))
            except tf.errors.InvalidArgumentError:
                continue
            assert raw_image.shape[-1] == 3
