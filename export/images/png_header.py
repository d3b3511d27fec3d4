"""Reads and checks PNG headers inside the exported graph, before any pixel is decoded.

Also refuses a truncated file, by its missing end. Outside of the graph `zoo/pictures/photo_files.py` reads
photos.

Sources:
    [PNG] Portable Network Graphics (PNG) Specification (Third Edition), W3C 2025.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from export.images.file_bytes import Check, after, big_endian, bytes_at, size_of, spells, text
from zoo.pictures.png_chunks import SIGNATURE

# The walk stops here, so that a file of a million empty chunks cannot hold up the rest of its batch.
MAX_CHUNKS = 256
# The decoder inflates every compressed text, of up to 8 MB each, and throws it away: 20 ms for each of them.
MAX_TEXTS = 16

# [PNG] 11.2.1: colour type -> (samples per pixel, allowed bits per sample).
_LAYOUTS = {
    0: (1, (1, 2, 4, 8, 16)),
    2: (3, (8, 16)),
    3: (1, (1, 2, 4, 8)),
    4: (2, (8, 16)),
    6: (4, (8, 16)),
}
_PALETTE = 3
_FIRST_WITH_ALPHA = 4

# Deflate's largest expansion, so a small file cannot claim a large image's memory.
_MAX_EXPANSION = 1032

_END = b"\0\0\0\0IEND\xaeB`\x82"


class PngHeader(NamedTuple):
    """The PNG headers of a batch; rows that are not PNGs hold no meaningful values.

    Args:
        width: int64 `[N]`, pixels, 0 where it cannot be read.
        height: int64 `[N]`, pixels, 0 where it cannot be read.
        has_alpha: bool `[N]`, by the colour type or by a tRNS chunk.
        exif: string `[N]`, the file's bytes from its eXIf chunk's contents on, `""` without one.
        before_size: Checks to make before the number of pixels can be trusted.
        after_size: Checks to make once the number of pixels is known to be allowed.
    """

    width: tf.Tensor
    height: tf.Tensor
    has_alpha: tf.Tensor
    exif: tf.Tensor
    before_size: list[Check]
    after_size: list[Check]


def read_png_header(files: tf.Tensor, is_png: tf.Tensor) -> PngHeader:
    """Reads the headers of a batch's PNGs.

    Args:
        files: string `[N]`.
        is_png: bool `[N]`, the rows to read.

    Returns:
        A `PngHeader`.
    """
    fields = bytes_at(files, len(SIGNATURE), 25)
    has_header = is_png & spells(fields[:, :8], b"\0\0\0\x0dIHDR")
    width, height = big_endian(fields[:, 8:12]), big_endian(fields[:, 12:16])
    sample_bits, colour_type = fields[:, 16], fields[:, 17]
    pixel_bits = _pixel_bits(sample_bits, colour_type)
    chunks = _walk(files, has_header & (pixel_bits > 0))
    return PngHeader(
        width=tf.where(has_header, width, 0),
        height=tf.where(has_header, height, 0),
        has_alpha=(colour_type >= _FIRST_WITH_ALPHA) | chunks.has_transparency,
        exif=after(tf.where(is_png, files, ""), b"eXIf")[1],
        before_size=[
            _first_chunk_check(is_png & ~has_header, files, fields[:, 4:8]),
            _layout_check(has_header & (pixel_bits == 0), colour_type, sample_bits),
        ],
        after_size=[
            _too_many_chunks_check(chunks),
            _too_many_texts_check(files, is_png),
            _palette_check(is_png & (colour_type == _PALETTE), chunks),
            _whole_check(files, is_png, chunks, width * height * pixel_bits // 8),
        ],
    )


class _Chunks(NamedTuple):
    """State of the walk over the chunks before the pixels: its position, and the chunks found."""

    position: tf.Tensor
    is_walking: tf.Tensor
    is_at_pixels: tf.Tensor
    has_palette: tf.Tensor
    has_transparency: tf.Tensor


def _walk(files: tf.Tensor, is_readable: tf.Tensor) -> _Chunks:
    size_bytes = size_of(files)
    nowhere = tf.zeros_like(is_readable)

    def step(chunks):
        fields = big_endian(tf.reshape(bytes_at(files, chunks.position, 8), [-1, 2, 4]))
        length, name = fields[:, 0], fields[:, 1]
        position = chunks.position + tf.where(chunks.is_walking, 12 + length, 0)
        is_at_pixels = chunks.is_walking & (name == _number(b"IDAT"))
        is_over = is_at_pixels | (name == _number(b"IEND")) | (position >= size_bytes)
        return (
            _Chunks(
                position,
                chunks.is_walking & ~is_over,
                chunks.is_at_pixels | is_at_pixels,
                chunks.has_palette | (chunks.is_walking & (name == _number(b"PLTE"))),
                chunks.has_transparency | (chunks.is_walking & (name == _number(b"tRNS"))),
            ),
        )

    first = tf.zeros_like(size_bytes) + len(SIGNATURE) + 25
    return tf.while_loop(
        lambda chunks: tf.reduce_any(chunks.is_walking),
        step,
        (_Chunks(first, is_readable, nowhere, nowhere, nowhere),),
        maximum_iterations=MAX_CHUNKS,
    )[0]


def _number(name: bytes) -> int:
    return int.from_bytes(name, "big")


def _pixel_bits(sample_bits: tf.Tensor, colour_type: tf.Tensor) -> tf.Tensor:
    table = np.zeros([8, 32], "int64")
    for known_type, (samples, known_bits) in _LAYOUTS.items():
        for bits in known_bits:
            table[known_type, bits] = samples * bits
    return tf.gather_nd(table, tf.stack([tf.minimum(colour_type, 7), tf.minimum(sample_bits, 31)], -1))


def _first_chunk_check(is_broken: tf.Tensor, files: tf.Tensor, name: tf.Tensor) -> Check:
    def describe():
        received = tf.where(
            spells(name, b"CgBI"),
            "a CgBI chunk, as in the pictures inside iPhone applications",
            text("something else in ", size_of(files), " bytes"),
        )
        return text(
            "A PNG must begin with an IHDR chunk. Received: ", received, ". Save it as an ordinary PNG."
        )

    return Check(is_broken, describe)


def _layout_check(is_broken: tf.Tensor, colour_type: tf.Tensor, sample_bits: tf.Tensor) -> Check:
    return Check(
        is_broken,
        lambda: text(
            "A PNG must have a colour type and bit depth of the PNG standard. Received: colour_type=",
            colour_type,
            ", bits=",
            sample_bits,
            ". Save the photo again.",
        ),
    )


def _palette_check(has_palette_pixels: tf.Tensor, chunks: _Chunks) -> Check:
    return Check(
        has_palette_pixels & chunks.is_at_pixels & ~chunks.has_palette,
        lambda: (
            "A palette PNG must have a PLTE chunk before its pixels. Received: a PNG without one. "
            "Save the photo again."
        ),
    )


def _too_many_chunks_check(chunks: _Chunks) -> Check:
    return Check(
        chunks.is_walking,
        lambda: (
            f"A PNG must have at most {MAX_CHUNKS} chunks before its pixels. Received: more. "
            "Save the photo again without its metadata."
        ),
    )


def _too_many_texts_check(files: tf.Tensor, is_png: tf.Tensor) -> Check:
    # Texts may also follow the pixels, where the walk does not go.
    of_png = tf.where(is_png, files, "")
    num_texts = sum(tf.strings.split(of_png, name).row_lengths() - 1 for name in ("zTXt", "iTXt"))
    return Check(
        is_png & (num_texts > MAX_TEXTS),
        lambda: (
            f"A PNG must have at most {MAX_TEXTS} compressed or international texts. Received: more. "
            "Save the photo again without its metadata."
        ),
    )


def _whole_check(files: tf.Tensor, is_png: tf.Tensor, chunks: _Chunks, pixel_bytes: tf.Tensor) -> Check:
    size_bytes = size_of(files)
    ends_at_once = spells(bytes_at(files, size_bytes - len(_END), len(_END)), _END)
    has_end, _ = after(tf.where(is_png & ~ends_at_once, files, ""), _END)
    is_whole = (ends_at_once | has_end) & chunks.is_at_pixels & (size_bytes * _MAX_EXPANSION >= pixel_bytes)
    return Check(
        is_png & ~is_whole,
        lambda: text(
            "A PNG must be whole, from its IHDR to its IEND chunk. Received: ",
            size_bytes,
            " bytes that end too early. Send the whole file.",
        ),
    )
