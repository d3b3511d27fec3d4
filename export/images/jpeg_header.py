"""Reads and checks JPEG headers inside the exported graph, before any pixel is decoded.

Sources:
    [T.81] ITU-T T.81 (1992), JPEG: markers in table B.1, frame header in B.2.2.
"""

from typing import NamedTuple

import tensorflow as tf

from export.images.exif_orientation import MARK as EXIF_MARK
from export.images.exif_orientation import MAX_BYTES as EXIF_BYTES
from export.images.file_bytes import Check, after, big_endian, bytes_at, piece_at, size_of, spells, text

SIGNATURE = b"\xff\xd8"

# The walk stops here, so that a file of a million empty segments cannot hold up the rest of its batch.
MAX_SEGMENTS = 512

# [T.81] table B.1: frame headers C0 to CF and the coding they announce; "" for those TensorFlow decodes.
_FRAME_CODINGS = {
    **dict.fromkeys([0xC0, 0xC1, 0xC2], ""),
    0xC3: "lossless",
    **dict.fromkeys([0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF], "hierarchical"),
    **dict.fromkeys([0xC9, 0xCA, 0xCB], "arithmetic-coded"),
}

# The role of a marker in the walk, which ends at _SCAN and every role after it.
_SEGMENT, _FRAME, _APP1, _APP14, _FILL, _SCAN, _END = range(7)
_ROLES = dict.fromkeys(_FRAME_CODINGS, _FRAME)
_ROLES |= {0xD9: _END, 0xDA: _SCAN, 0xE1: _APP1, 0xEE: _APP14, 0xFF: _FILL}

_END_OF_IMAGE = b"\xff\xd9"
_ADOBE = b"Adobe"

# A block of 64 pixels takes at least one bit, so a small file cannot claim a large image's memory.
_MAX_PIXELS_A_BYTE = 512


class JpegHeader(NamedTuple):
    """The JPEG headers of a batch; rows that are not JPEGs hold no meaningful values.

    Args:
        width: int64 `[N]`, pixels, 0 where it cannot be read.
        height: int64 `[N]`, pixels, 0 where it cannot be read.
        exif: string `[N]`, the file's bytes from its first EXIF segment's contents on, `""` without one.
        before_size: Checks to make before the number of pixels can be trusted.
        after_size: Checks to make once the number of pixels is known to be allowed.
    """

    width: tf.Tensor
    height: tf.Tensor
    exif: tf.Tensor
    before_size: list[Check]
    after_size: list[Check]


def read_jpeg_header(files: tf.Tensor, is_jpeg: tf.Tensor) -> JpegHeader:
    """Reads the headers of a batch's JPEGs.

    Args:
        files: string `[N]`.
        is_jpeg: bool `[N]`, the rows to read.

    Returns:
        A `JpegHeader`.
    """
    segments = _walk(files, is_jpeg)
    has_frame = segments.frame > 0
    fields = bytes_at(files, segments.frame, 10)
    height, width = big_endian(fields[:, 5:7]), big_endian(fields[:, 7:9])
    return JpegHeader(
        width=tf.where(has_frame, width, 0),
        height=tf.where(has_frame, height, 0),
        exif=tf.where(segments.exif > 0, piece_at(files, segments.exif, EXIF_BYTES), ""),
        before_size=[
            _segments_check(segments),
            _whole_header_check(files, is_jpeg, segments),
            _frame_check(is_jpeg, has_frame),
            *_coding_checks(has_frame, fields, has_adobe=segments.adobe > 0),
        ],
        after_size=[_whole_check(files, is_jpeg, segments, width * height)],
    )


class _Segments(NamedTuple):
    """State of the walk over the segments before the pixels: its position, and each find's position."""

    position: tf.Tensor
    is_walking: tf.Tensor
    frame: tf.Tensor
    exif: tf.Tensor
    adobe: tf.Tensor
    scan: tf.Tensor


def _walk(files: tf.Tensor, is_jpeg: tf.Tensor) -> _Segments:
    roles = [_ROLES.get(marker, _SEGMENT) for marker in range(256)]

    def step(segments):
        position = segments.position
        fields = bytes_at(files, position, 10)
        role = tf.gather(roles, fields[:, 1])
        # [T.81] B.1.1.2: any number of FF bytes may stand before a marker.
        length = tf.where(role == _FILL, tf.ones_like(position), 2 + big_endian(fields[:, 2:4]))
        is_segment = segments.is_walking & (fields[:, 0] == 0xFF)
        is_first_exif = (segments.exif == 0) & (role == _APP1) & spells(fields[:, 4:], EXIF_MARK)
        is_adobe = (role == _APP14) & spells(fields[:, 4:9], _ADOBE)
        is_walking = is_segment & (role < _SCAN) & ((length >= 4) | (role == _FILL))
        return (
            _Segments(
                tf.where(is_walking, position + length, position),
                is_walking,
                tf.where(is_segment & (role == _FRAME), position, segments.frame),
                tf.where(is_segment & is_first_exif, position + 4, segments.exif),
                tf.where(is_segment & is_adobe, position, segments.adobe),
                tf.where(is_segment & (role == _SCAN), position, segments.scan),
            ),
        )

    nowhere = tf.zeros_like(size_of(files))
    return tf.while_loop(
        lambda segments: tf.reduce_any(segments.is_walking),
        step,
        (_Segments(nowhere + len(SIGNATURE), is_jpeg, nowhere, nowhere, nowhere, nowhere),),
        maximum_iterations=MAX_SEGMENTS,
    )[0]


def _segments_check(segments: _Segments) -> Check:
    return Check(
        segments.is_walking,
        lambda: (
            f"A JPEG must have at most {MAX_SEGMENTS} segments before its pixels. Received: more. "
            "Save the photo again without its metadata."
        ),
    )


def _whole_header_check(files: tf.Tensor, is_jpeg: tf.Tensor, segments: _Segments) -> Check:
    is_cut = segments.position + 4 > size_of(files)

    def describe():
        received = tf.where(
            is_cut,
            text(size_of(files), " bytes that end before the pixels"),
            text("something else at byte ", segments.position),
        )
        return text("A JPEG must be whole up to its pixels. Received: ", received, ". Send the whole file.")

    return Check(is_jpeg & (segments.scan == 0), describe)


def _frame_check(is_jpeg: tf.Tensor, has_frame: tf.Tensor) -> Check:
    return Check(
        is_jpeg & ~has_frame,
        lambda: (
            "A JPEG must have a frame header (SOF) before its pixels. Received: a JPEG without one. "
            "Save the photo again."
        ),
    )


def _coding_checks(has_frame: tf.Tensor, frame: tf.Tensor, has_adobe: tf.Tensor) -> list[Check]:
    coding = tf.gather([_FRAME_CODINGS.get(marker, "") for marker in range(256)], frame[:, 1])
    sample_bits, components = frame[:, 4], frame[:, 9]
    is_grey_or_colour = (components == 1) | (components == 3) | (components == 4)
    return [
        Check(
            has_frame & (coding != ""),
            lambda: text(
                "A JPEG must be baseline or progressive. Received: a JPEG that is ",
                coding,
                ". Save it as a baseline JPEG.",
            ),
        ),
        Check(
            has_frame & (sample_bits != 8),
            lambda: text(
                "A JPEG must have 8 bits per sample. Received: bits=", sample_bits, ". Save it with 8 bits."
            ),
        ),
        Check(
            has_frame & ~is_grey_or_colour,
            lambda: text(
                "A JPEG must be grey (1 component), colour (3) or CMYK (4). Received: components=",
                components,
                ". Save it as an RGB JPEG.",
            ),
        ),
        # Without Adobe's segment, decoders disagree on whether 0 means full ink or none.
        Check(
            has_frame & (components == 4) & ~has_adobe,
            lambda: (
                "A CMYK JPEG must have an Adobe segment, which says how its inks are stored. "
                "Received: a JPEG without one. Save it as an RGB JPEG."
            ),
        ),
    ]


def _whole_check(files: tf.Tensor, is_jpeg: tf.Tensor, segments: _Segments, num_pixels: tf.Tensor) -> Check:
    size_bytes = size_of(files)
    ends_at_once = spells(bytes_at(files, size_bytes - len(_END_OF_IMAGE), len(_END_OF_IMAGE)), _END_OF_IMAGE)
    # Searches only behind the scan's beginning: a thumbnail in an EXIF segment has its own end marker.
    scan = piece_at(files, segments.scan, size_bytes)
    has_end, _ = after(tf.where(is_jpeg & ~ends_at_once, scan, ""), _END_OF_IMAGE)
    is_whole = (ends_at_once | has_end) & (size_bytes * _MAX_PIXELS_A_BYTE >= num_pixels)
    return Check(
        is_jpeg & ~is_whole,
        lambda: text(
            "A JPEG must be whole, up to its end marker (EOI). Received: ",
            size_bytes,
            " bytes that end too early. Send the whole file.",
        ),
    )
