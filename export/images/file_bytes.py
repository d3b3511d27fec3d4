"""Reads fields out of a batch of files inside a TensorFlow graph."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class Check(NamedTuple):
    """One thing that can be wrong with a file.

    Args:
        is_broken: bool `[N]`, the rows it is wrong with.
        describe: Returns the text for every row, string `[N]` or scalar; called while the graph is built.
    """

    is_broken: tf.Tensor
    describe: Callable[[], tf.Tensor | str]


def first_problem(checks: list[Check]) -> tf.Tensor:
    """Returns the text of the first check that each row fails.

    The texts are composed only when some row needs one: rows are nearly always fine.

    Args:
        checks: At least one check, the one to name first coming first.

    Returns:
        string `[N]`, `""` where every check passes.
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
    """Returns the size of every file in bytes: string `[N]` to int64 `[N]`."""
    return tf.cast(tf.strings.length(files), tf.int64)


def piece_at(files: tf.Tensor, position: tf.Tensor | int, count: tf.Tensor | int) -> tf.Tensor:
    """Returns the piece of every file that begins at byte `position`.

    Args:
        files: string `[N]`.
        position: int64 `[N]`, or one number for all; cut to the file.
        count: int64 `[N]`, or one number for all: the length of the piece in bytes.

    Returns:
        string `[N]`, shorter than `count` where the file ends.
    """
    begin = tf.maximum(tf.minimum(tf.cast(position, tf.int64), size_of(files)), 0)
    return tf.strings.substr(files, begin, tf.zeros_like(begin) + tf.cast(count, tf.int64))


def bytes_at(files: tf.Tensor, position: tf.Tensor | int, count: int) -> tf.Tensor:
    """Returns `count` bytes of every file, with zeros where a file has ended.

    Args:
        files: string `[N]`.
        position: int64 `[N]`, or one number for all.
        count: How many bytes.

    Returns:
        int64 `[N, count]`, range `[0, 255]`.
    """
    pieces = piece_at(files, position, count)
    return tf.cast(tf.io.decode_raw(pieces, tf.uint8, fixed_length=count), tf.int64)


def big_endian(fields: tf.Tensor) -> tf.Tensor:
    """Returns the number that the bytes of the last axis spell: int64 `[..., k]` to int64 `[...]`."""
    weights = [256**power for power in reversed(range(fields.shape[-1]))]
    return tf.reduce_sum(fields * tf.constant(weights, tf.int64), axis=-1)


def spells(fields: tf.Tensor, name: bytes) -> tf.Tensor:
    """Returns where the bytes of the last axis are those of `name`: int64 `[..., k]` to bool `[...]`."""
    return tf.reduce_all(tf.equal(fields, tf.constant(list(name), tf.int64)), axis=-1)


def after(files: tf.Tensor, mark: bytes) -> tuple[tf.Tensor, tf.Tensor]:
    """Looks for the first `mark` in every file.

    Args:
        files: string `[N]`.
        mark: The bytes to look for.

    Returns:
        bool `[N]`, whether it is there, and string `[N]`, what follows it (`""` where it is not there).
    """
    pieces = tf.strings.split(files, sep=mark, maxsplit=1)
    is_there = pieces.row_lengths() > 1
    return is_there, tf.where(is_there, tf.gather(pieces.flat_values, pieces.row_limits() - 1), "")
