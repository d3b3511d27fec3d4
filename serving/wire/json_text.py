"""Prints JSON values as TF Serving does, in the number format of its responses and of its error messages.

Sources:
    [TFS] tensorflow/serving, `util/json_tensor.cc`, which prints through RapidJSON's PrettyWriter
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np

from serving.wire.status import InvalidArgument

INDENT = "    "
# TF Serving 2.18 and later cut values in messages after so many bytes.
MAX_TEXT_BYTES = 256
TOO_BIG = "JSON Parse error: Number too big to be stored in double. at offset: 0"
TOO_DEEP = "JSON Parse error: Too deeply nested. at offset: 0"
_TYPE_NAMES = {
    type(None): "Null",
    dict: "Object",
    list: "Array",
    str: "String",
    int: "Number",
    float: "Number",
}
_NOT_FINITE = {"nan": "NaN", "-nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_ESCAPE = re.compile(r"\\(?:u00[01][0-9a-f]|.)")


def type_name(value: Any) -> str:
    """Returns TF Serving's name for a JSON value's type, e.g. `"Array"`."""
    return str(value) if isinstance(value, bool) else _TYPE_NAMES[type(value)]


def is_decimal(value: Any) -> bool:
    """Whether a JSON value is a decimal number; JSON parsers read integers beyond 64 bits as decimals."""
    return isinstance(value, float) or (isinstance(value, int) and not -(2**63) <= value < 2**64)


def quote(text: str) -> str:
    r"""Returns a text as a JSON string.

    Example:

    >>> print(quote('caf\u00e9 "\x1f"'))
    "café \"\u001F\""
    """
    quoted = json.dumps(text, ensure_ascii=False)
    if "\\u" not in quoted:
        return quoted
    return _ESCAPE.sub(lambda match: match[0][:2] + match[0][2:].upper(), quoted)


def format_decimals(flat: np.ndarray) -> list[str]:
    """Formats numbers with six digits, or with all digits where six do not give the same number back.

    Args:
        flat: One-dimensional float32 or float64 array.

    Example:

    >>> format_decimals(np.array([0.5, 1 / 3, 9e6, 7], np.float32))
    ['0.5', '0.333333343', '9e+06', '7.0']
    """
    texts = [_with_point(f"{value:.6g}") for value in flat.tolist()]
    digits = 9 if flat.dtype == np.float32 else 17
    with np.errstate(over="ignore"):
        inexact = np.array(texts, dtype=np.str_).astype(flat.dtype) != flat if texts else np.empty(0, bool)
    for index in np.flatnonzero(inexact & np.isfinite(flat)):
        texts[index] = _with_point(f"{flat[index]:.{digits}g}")
    return texts


def _with_point(text: str) -> str:
    if "." in text or "e" in text:
        return text
    return _NOT_FINITE.get(text) or text + ".0"


def to_text(value: Any) -> str:
    """Returns a JSON value as TF Serving prints it in an error message.

    Lists are on one line, and numbers have RapidJSON's format, which has no NaN and no infinity: the text
    ends before them. It ends after `MAX_TEXT_BYTES` at the latest.

    Raises:
        InvalidArgument: The value is nested too deeply to print, or holds a number beyond a double's range.

    Example:

    >>> to_text(1e30), to_text([1e30, [2, "x"]]), to_text({"b": [{}]})
    ('1e30', '[1e30, [2, "x"]]', '{\\n    "b": [{}]\\n}')
    """
    try:
        return _cut(_until_none(_pieces(value, "\n")))
    except RecursionError as error:
        raise InvalidArgument(TOO_DEEP) from error
    except OverflowError as error:
        raise InvalidArgument(TOO_BIG) from error


def _cut(pieces: Iterable[str]) -> str:
    """Joins pieces until `MAX_TEXT_BYTES`, without the character that would be cut in two."""
    joined, num_bytes = [], 0
    for piece in pieces:
        encoded = piece.encode("utf-8", "surrogatepass")
        if num_bytes + len(encoded) > MAX_TEXT_BYTES:
            joined.append(encoded[: MAX_TEXT_BYTES - num_bytes].decode("utf-8", "ignore"))
            break
        joined.append(piece)
        num_bytes += len(encoded)
    return "".join(joined)


def _until_none(pieces: Iterator[str | None]) -> Iterator[str]:
    for piece in pieces:
        if piece is None:
            return
        yield piece


def _pieces(value: Any, line: str) -> Iterator[str | None]:
    """Yields pieces of a value's text; None ends the text."""
    if isinstance(value, str):
        yield quote(value)
    elif is_decimal(value):
        yield _shortest(float(value)) if math.isfinite(value) else None
    elif isinstance(value, dict):
        members = ((f"{quote(name)}: ", member) for name, member in value.items())
        yield from _object(members, line)
    elif isinstance(value, list):
        yield from _list(value, line)
    else:
        yield json.dumps(value)


def _object(members: Iterable[tuple[str, Any]], line: str) -> Iterator[str | None]:
    yield "{"
    separator = ""
    for name, member in members:
        yield f"{separator}{line}{INDENT}{name}"
        yield from _pieces(member, line + INDENT)
        separator = ","
    yield f"{line if separator else ''}}}"


def _list(elements: Iterable[Any], line: str) -> Iterator[str | None]:
    yield "["
    separator = ""
    for element in elements:
        yield separator
        # Objects in a list are indented as if it had lines of its own.
        yield from _pieces(element, line + INDENT)
        separator = ", "
    yield "]"


def _shortest(value: float) -> str:
    """Returns the fewest digits that identify a double, without an exponent from 1e-6 up to 1e21."""
    sign, digits, last_place = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    stripped = text.rstrip("0")
    exponent = int(last_place) + len(text) - len(stripped)
    point = len(stripped) + exponent
    prefix = "-" if sign else ""
    if not stripped:
        return prefix + "0.0"
    if exponent >= 0 and point <= 21:
        return f"{prefix}{stripped}{'0' * exponent}.0"
    if 0 < point <= 21:
        return f"{prefix}{stripped[:point]}.{stripped[point:]}"
    if -6 < point <= 0:
        return f"{prefix}0.{'0' * -point}{stripped}"
    fraction = f".{stripped[1:]}" if len(stripped) > 1 else ""
    return f"{prefix}{stripped[0]}{fraction}e{point - 1}"
