"""Converts JSON values to arrays by the rules of TF Serving's REST API, with its error messages.

A fast path checks and flattens whole levels of nested lists at once. Whatever it cannot vouch for is read
element by element, as TF Serving does, to find the first error.

Sources:
    [TFS] tensorflow/serving, `util/json_tensor.cc`
"""

import base64
import itertools
import json
import math
import re
from typing import Any, cast

import numpy as np

from serving.wire.data_types import DataType
from serving.wire.json_syntax import find_error
from serving.wire.json_text import TOO_BIG, TOO_DEEP, is_decimal, to_text, type_name
from serving.wire.status import InvalidArgument, Unimplemented

_STRING_OR_NOT_A_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|(-?)\b(Inf(?:inity)?|NaN)\b', re.DOTALL)


def _first_of_each(pairs: list) -> dict:
    """Keeps the first of several members with the same name, as RapidJSON does."""
    members = dict(pairs)
    if len(members) < len(pairs):
        members.update(reversed(pairs))
    return members


_DECODER = json.JSONDecoder(object_pairs_hook=_first_of_each)


def parse(body: bytes) -> dict:
    """Parses the object in a request body and ignores everything after it.

    Args:
        body: UTF-8 text. NaN, Infinity, Inf and their negatives are numbers.

    Raises:
        InvalidArgument: The body is not JSON, or not an object.
    """
    if not body:
        raise InvalidArgument("JSON Parse error: The document is empty")
    text = body.decode("utf-8", "surrogateescape").removeprefix("\ufeff").lstrip(" \t\r\n")
    try:
        document = _decode(text)
    except json.JSONDecodeError as error:
        reason = find_error(body) or f"{error.msg} at offset: {error.pos}"
        raise InvalidArgument(f"JSON Parse error: {reason}") from error
    except ValueError as error:
        # Python refuses integers of more than 4300 digits.
        invalid = find_error(body)
        raise InvalidArgument(f"JSON Parse error: {invalid}" if invalid else TOO_BIG) from error
    except RecursionError as error:
        raise InvalidArgument(TOO_DEEP) from error
    if not isinstance(document, dict):
        raise InvalidArgument(f"JSON Value: {to_text(document)} Is not object")
    return document


def _decode(text: str) -> Any:
    try:
        return _DECODER.raw_decode(text)[0]
    except json.JSONDecodeError:
        if "Inf" not in text and "-NaN" not in text:
            raise
        return _DECODER.raw_decode(_STRING_OR_NOT_A_NUMBER.sub(_python_spelling, text))[0]


def _python_spelling(match: re.Match[str]) -> str:
    if match[2] is None:
        return match[0]
    return "NaN" if match[2] == "NaN" else f"{match[1]}Infinity"


def to_array(value: Any, data_type: DataType) -> np.ndarray:
    """Converts a JSON value to a tensor.

    Args:
        value: A scalar, `{"b64": text}`, or nested lists of one size at each level.
        data_type: The type that the signature requires.

    Raises:
        InvalidArgument: The lists are ragged, or a value does not fit the type.
        Unimplemented: TF Serving's REST API does not support the type.
    """
    dense = flatten(value)
    if dense is not None:
        shape, leaves = dense
        flat = _convert(leaves, data_type)
        if flat is not None:
            return _shaped(flat, shape)
    shape = _shape_of(value)
    leaves = []
    _fill(value, 0, shape, data_type, leaves)
    return _shaped(cast(np.ndarray, _convert(leaves, data_type)), shape)  # `_fill` has looked at each


def flatten(value: Any) -> tuple[list[int], list[Any]] | None:
    """Returns the shape and leaves of nested lists; None if a level mixes sizes, or lists and leaves."""
    shape, level = [], [value]
    while level and type(level[0]) is list:
        sizes = set(map(len, level)) if set(map(type, level)) == {list} else ()
        if len(sizes) != 1:
            return None
        shape.append(len(level[0]))
        level = list(itertools.chain.from_iterable(level))
    if list in set(map(type, level)):
        return None
    return shape, level


def is_base64(value: Any) -> bool:
    """Whether a JSON value is bytes in TF Serving's notation: an object with the single key "b64"."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def _shaped(flat: np.ndarray, shape: list[int]) -> np.ndarray:
    try:
        return flat.reshape(shape)
    except ValueError as error:
        raise InvalidArgument(f"tensor parsing error: rank {len(shape)} is too large") from error


def _convert(leaves: list[Any], data_type: DataType) -> np.ndarray | None:
    """Returns the leaves as a flat array; None if the fast path cannot vouch for all of them."""
    kinds = set(map(type, leaves))
    if not kinds:
        return np.empty(0, data_type.numpy)
    if data_type.json_kind == "integer" and kinds <= {int}:
        if min(leaves) < data_type.json_range[0] or max(leaves) > data_type.json_range[1]:
            return None
        # TF Serving stores small integers as int32, from which they wrap.
        wide = data_type.numpy if data_type.numpy.itemsize == 8 else np.int64
        return np.array(leaves, wide).astype(data_type.numpy)
    if data_type.json_kind == "decimal" and kinds <= {int, float}:
        return _convert_decimals(leaves, kinds, data_type)
    if data_type.json_kind == "boolean" and kinds <= {bool}:
        return np.array(leaves, np.bool_)
    if data_type.json_kind == "string" and kinds <= {str, dict}:
        if any(type(leaf) is dict and not is_base64(leaf) for leaf in leaves):
            return None
        flat = np.empty(len(leaves), object)
        flat[:] = [to_bytes(leaf) for leaf in leaves]
        return flat
    return None


def _convert_decimals(leaves: list[Any], kinds: set[type], data_type: DataType) -> np.ndarray | None:
    integers = leaves if kinds == {int} else [leaf for leaf in leaves if type(leaf) is int]
    if integers and max(max(integers), -min(integers)) >= _first_lossy_integer(data_type):
        return None
    flat = np.array(leaves, np.float64)
    too_large = np.isfinite(flat) & (np.abs(flat) > np.finfo(data_type.numpy).max)
    return None if too_large.any() else flat.astype(data_type.numpy, copy=False)


def to_bytes(value: Any) -> bytes:
    """Returns the bytes of a JSON string, or of bytes in TF Serving's notation.

    Args:
        value: Text, or an object that `is_base64`.

    Raises:
        InvalidArgument: The text holds half a surrogate pair, or the object's value is not base64.
    """
    if isinstance(value, str):
        try:
            return value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            message = "JSON Parse error: The surrogate pair in string is invalid. at offset: 0"
            raise InvalidArgument(message) from error
    text = value["b64"]
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        # Like Abseil's decoder, skips white space and accepts missing padding.
        text = "".join(text.split()).rstrip("=.")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise InvalidArgument("Unable to base64 decode") from error


def check_lossless(value: int | float, data_type: DataType) -> None:
    """Checks that a number fits a decimal type.

    Raises:
        InvalidArgument: The number is an integer with too many digits, or exceeds the type's range.
    """
    if is_decimal(value):
        fits = not math.isfinite(value) or abs(value) <= float(np.finfo(data_type.numpy).max)
    else:
        # TF Serving takes 2^63 for the most negative integer, which has no absolute value.
        fits = abs(value) < _first_lossy_integer(data_type) or abs(value) == 2**63
    if not fits:
        raise InvalidArgument(
            f"Cannot convert JSON value: {to_text(value)} to {data_type.name} without loss of precision."
        )


def _first_lossy_integer(data_type: DataType) -> int:
    return 2 ** (np.finfo(data_type.numpy).nmant + 1)


def _shape_of(value: Any) -> list[int]:
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return shape


def _fill(value: Any, level: int, shape: list[int], data_type: DataType, leaves: list[Any]) -> None:
    """Appends the leaves in order, and raises at the first value at the wrong place or of a wrong type."""
    if not isinstance(value, list):
        if level != len(shape):
            raise InvalidArgument(
                f"JSON Value: {to_text(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}"
            )
        _check_leaf(value, data_type)
        leaves.append(float(value) if data_type.json_kind == "decimal" else value)
        return
    if level >= len(shape):
        raise InvalidArgument(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise InvalidArgument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {shape[level]}"
        )
    for element in value:
        _fill(element, level + 1, shape, data_type, leaves)


def _check_leaf(value: Any, data_type: DataType) -> None:
    kind = data_type.json_kind
    if isinstance(value, dict) and kind == "string":
        if not is_base64(value):
            raise InvalidArgument(f"JSON Value: {to_text(value)} not formatted correctly for base64 data")
        to_bytes(value)
        return
    if not kind and not isinstance(value, dict):
        raise Unimplemented(f"Conversion of JSON Value: {to_text(value)} to type: {data_type.name}")
    if not _fits(value, data_type):
        raise InvalidArgument(
            f"JSON Value: {to_text(value)} Type: {type_name(value)} is not of expected type: {data_type.name}"
        )
    if kind == "decimal":
        check_lossless(value, data_type)


def _fits(value: Any, data_type: DataType) -> bool:
    kind = data_type.json_kind
    if kind == "integer":
        return type(value) is int and data_type.json_range[0] <= value <= data_type.json_range[1]
    return type(value) in {"decimal": (int, float), "boolean": (bool,), "string": (str,)}.get(kind, ())
