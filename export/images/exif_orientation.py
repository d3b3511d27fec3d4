"""Turns a photo upright according to its EXIF orientation.

Sources:
    [EXIF] CIPA DC-008-2019, Exif 2.32: the TIFF structure in 4.5.2, Orientation in 4.6.5.
"""

import tensorflow as tf

from export.images.file_bytes import big_endian, bytes_at, piece_at, spells

UPRIGHT = 1

# [EXIF] 4.5.2: precedes the TIFF structure in a JPEG, and in some PNGs.
MARK = b"Exif\0\0"

_ORIENTATION_TAG = 0x0112
_SHORT, _LONG = 3, 4
_ENTRY_BYTES = 12

# Cameras write about a dozen entries; only this many are searched for the tag.
_MAX_ENTRIES = 128

# Longest possible segment of a JPEG.
MAX_BYTES = 1 << 16

# [EXIF] 4.6.5, for orientations 1 to 8: whether to swap rows and columns, then to reverse the rows, then to
# reverse the columns.
_TURNS = [
    [False, False, False],
    [False, False, True],
    [False, True, True],
    [False, True, False],
    [True, False, False],
    [True, False, True],
    [True, True, True],
    [True, True, False],
]


def read_orientation(exif: tf.Tensor) -> tf.Tensor:
    """Finds the orientation in EXIF data.

    Args:
        exif: string `[N]`, each file's TIFF structure with or without a leading `MARK`; `""` for a file that
            has none.

    Returns:
        int64 `[N]`, 1 to 8; 1 (upright) where the orientation is missing or unreadable.
    """
    upright = tf.ones(tf.shape(exif), tf.int64)
    return tf.cond(tf.reduce_any(exif != ""), lambda: _find_orientation(exif, upright), lambda: upright)


def _find_orientation(exif: tf.Tensor, upright: tf.Tensor) -> tf.Tensor:
    has_mark = piece_at(exif, 0, len(MARK)) == MARK
    exif = piece_at(exif, tf.where(has_mark, len(MARK), 0), MAX_BYTES)
    head = bytes_at(exif, 0, 8)
    is_little = spells(head[:, :4], b"II*\0")
    is_big = spells(head[:, :4], b"MM\0*")

    def number(fields):
        is_reversed = tf.reshape(is_little, [-1] + [1] * (len(fields.shape) - 2))
        return tf.where(is_reversed, big_endian(fields[..., ::-1]), big_endian(fields))

    directory = number(head[:, 4:8])
    num_entries = number(bytes_at(exif, directory, 2))
    table = bytes_at(exif, directory + 2, _MAX_ENTRIES * _ENTRY_BYTES)
    entries = tf.reshape(table, [-1, _MAX_ENTRIES, _ENTRY_BYTES])
    kind = number(entries[..., 2:4])
    value = tf.where(kind == _SHORT, number(entries[..., 8:10]), number(entries[..., 8:12]))
    is_orientation = (number(entries[..., :2]) == _ORIENTATION_TAG) & ((kind == _SHORT) | (kind == _LONG))
    is_orientation &= tf.range(_MAX_ENTRIES, dtype=tf.int64) < num_entries[:, tf.newaxis]
    orientation = tf.reduce_max(tf.where(is_orientation, value, 0), axis=1)
    is_known = (is_little | is_big) & (orientation >= 1) & (orientation <= len(_TURNS))
    return tf.where(is_known, orientation, upright)


def turn_upright(raw_image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turns and mirrors one image.

    Args:
        raw_image: uint8 `[height, width, channels]`.
        orientation: int64 scalar, 1 to 8.

    Returns:
        uint8 `[height, width, channels]`, with height and width swapped where `orientation` is above 4.
    """

    def turn():
        exchanges, reverses_rows, reverses_columns = tf.unstack(tf.gather(_TURNS, orientation - 1))
        turned = tf.transpose(raw_image, tf.where(exchanges, [1, 0, 2], [0, 1, 2]))
        # `tf.reverse` needs its axes when the graph is built; the raw operation takes them at run time.
        return tf.raw_ops.Reverse(tensor=turned, dims=tf.stack([reverses_rows, reverses_columns, False]))

    upright = tf.cond(orientation == UPRIGHT, lambda: raw_image, turn)
    return tf.ensure_shape(upright, [None, None, raw_image.shape[-1]])
