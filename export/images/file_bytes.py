"""Reads fields out of a batch of files inside a TensorFlow graph."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class Check(NamedTuple):
    """A condition on a batch of files, with the error text of the files that violate it.

    Args:
        is_broken: bool `[N]`, true for the files that violate the condition.
        describe: Returns the error text, string `[N]` or scalar; called while the graph is built.
    """

    is_broken: tf.Tensor
    describe: Callable[[], tf.Tensor | str]


def first_problem(checks: list[Check]) -> tf.Tensor:
    """Returns the error text of the first check that each row fails.

    Composes the texts only if some row needs one, because nearly all rows pass.

    Args:
        checks: At least one check, in order of precedence.

    Returns:
        string `[N]`, `""` for rows that pass every check.
    """
    fine = tf.fill(tf.shape(checks[0].is_broken), "")

    def describe():
        problem = fine
        for check in reversed(checks):
            problem = tf.where(check.is_broken, check.describe(), problem)
        return problem

    is_broken = tf.reduce_any(tf.stack([check.is_broken for check in checks]))
    return tf.cond(is_broken, describe, lambda: fine)


def text(*parts: tf.Tensor | str) -> tf.Tensor:
    """Joins words and integer tensors into one text per row."""
    words = [tf.strings.as_string(part) if tf.is_tensor(part) else part for part in parts]
    return tf.strings.join(words)


def size_of(files: tf.Tensor) -> tf.Tensor:
    """Returns each file's size in bytes: string `[N]` to int64 `[N]`."""
    return tf.cast(tf.strings.length(files), tf.int64)


def piece_at(files: tf.Tensor, position: tf.Tensor | int, count: tf.Tensor | int) -> tf.Tensor:
    """Returns the piece of each file that begins at byte `position`.

    Args:
        files: string `[N]`.
        position: int64 `[N]`, or one number for all files; clipped to the file.
        count: int64 `[N]`, or one number for all files: the length of the piece in bytes.

    Returns:
        string `[N]`, shorter than `count` where the file ends first.
    """
    begin = tf.maximum(tf.minimum(tf.cast(position, tf.int64), size_of(files)), 0)
    return tf.strings.substr(files, begin, tf.zeros_like(begin) + tf.cast(count, tf.int64))


def bytes_at(files: tf.Tensor, position: tf.Tensor | int, count: int) -> tf.Tensor:
    """Returns `count` bytes of each file, padded with zeros behind the file's end.

    Args:
        files: string `[N]`.
        position: int64 `[N]`, or one number for all files: the first byte to return.
        count: Number of bytes.

    Returns:
        int64 `[N, count]`, range `[0, 255]`.
    """
    pieces = piece_at(files, position, count)
    return tf.cast(tf.io.decode_raw(pieces, tf.uint8, fixed_length=count), tf.int64)


def big_endian(fields: tf.Tensor) -> tf.Tensor:
    """Reads the last axis as the bytes of a big-endian number: int64 `[..., k]` to int64 `[...]`."""
    weights = [256**power for power in reversed(range(fields.shape[-1]))]
    return tf.reduce_sum(fields * tf.constant(weights, tf.int64), axis=-1)


def spells(fields: tf.Tensor, name: bytes) -> tf.Tensor:
    """Compares the bytes of the last axis with `name`: int64 `[..., k]` to bool `[...]`."""
    return tf.reduce_all(tf.equal(fields, tf.constant(list(name), tf.int64)), axis=-1)


def after(files: tf.Tensor, mark: bytes) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds the first `mark` in each file.

    Args:
        files: string `[N]`.
        mark: The bytes to look for.

    Returns:
        bool `[N]`, whether the file contains `mark`, and string `[N]`, the bytes after it (`""` for files
        that do not contain it).
    """
    pieces = tf.strings.split(files, sep=mark, maxsplit=1)
    is_there = pieces.row_lengths() > 1
    return is_there, tf.where(is_there, tf.gather(pieces.flat_values, pieces.row_limits() - 1), "")
