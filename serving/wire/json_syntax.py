"""Finds the error in invalid JSON, with the message and offset that TF Serving's parser reports.

Python's faster parser decides whether a text is valid; this parser reads again only the texts it refuses.

Sources:
    [RapidJSON] Tencent/rapidjson 1.1.0, `reader.h` and `error/en.h`, read with NaN and infinities allowed
"""

import math
import re

# This parser is slow, so large broken texts could keep a server busy.
MAX_BYTES = 2**20
_WHITE_SPACE = re.compile(rb"[ \t\r\n]*")
_DIGITS = re.compile(rb"[0-9]*")
_PLAIN_TEXT = re.compile(rb'[^"\\\x00-\x1f]*')
_HEX = re.compile(rb"[0-9a-fA-F]{4}")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_INVALID = "Invalid value."


class _Wrong(Exception):
    def __init__(self, text: str, offset: int):
        super().__init__(f"{text} at offset: {offset}")


def find_error(body: bytes) -> str | None:
    """Returns the first error in a text and its offset; None if this parser finds no error.

    Args:
        body: The text. Ignores everything after its first value, and a text longer than `MAX_BYTES` entirely.

    Example:

    >>> find_error(b'{"instances": [1, 2}')
    "Missing a comma or ']' after an array element. at offset: 19"
    """
    if len(body) > MAX_BYTES:
        return None
    try:
        _Reader(body).read()
    except _Wrong as wrong:
        return str(wrong)
    except RecursionError:
        return None
    return None


class _Reader:
    def __init__(self, body: bytes):
        self._body = body
        self._at = len(_BYTE_ORDER_MARK) if body.startswith(_BYTE_ORDER_MARK) else 0

    def read(self) -> None:
        self._skip(_WHITE_SPACE)
        if not self._peek():
            raise _Wrong("The document is empty.", self._at)
        self._value()

    def _peek(self) -> bytes:
        """Returns the next byte; nothing at the end of the text or at a zero byte, which ends it, too."""
        return self._body[self._at : self._at + 1].strip(b"\0")

    def _take(self, byte: bytes) -> bool:
        if self._peek() != byte:
            return False
        self._at += 1
        return True

    def _skip(self, pattern: re.Pattern[bytes]) -> None:
        if match := pattern.match(self._body, self._at):
            self._at = match.end()

    def _value(self) -> None:
        first = self._peek()
        if first == b"{":
            self._object()
        elif first == b"[":
            self._array()
        elif first == b'"':
            self._string()
        elif first in (b"n", b"t", b"f"):
            self._word({b"n": b"null", b"t": b"true", b"f": b"false"}[first])
        else:
            self._number()

    def _word(self, word: bytes) -> None:
        for byte in word:
            if not self._take(bytes([byte])):
                raise _Wrong(_INVALID, self._at)

    def _object(self) -> None:
        self._take(b"{")
        self._skip(_WHITE_SPACE)
        if self._take(b"}"):
            return
        while True:
            if self._peek() != b'"':
                raise _Wrong("Missing a name for object member.", self._at)
            self._string()
            self._skip(_WHITE_SPACE)
            if not self._take(b":"):
                raise _Wrong("Missing a colon after a name of object member.", self._at)
            self._skip(_WHITE_SPACE)
            self._value()
            self._skip(_WHITE_SPACE)
            if self._take(b"}"):
                return
            if not self._take(b","):
                raise _Wrong("Missing a comma or '}' after an object member.", self._at)
            self._skip(_WHITE_SPACE)

    def _array(self) -> None:
        self._take(b"[")
        self._skip(_WHITE_SPACE)
        if self._take(b"]"):
            return
        while True:
            self._value()
            self._skip(_WHITE_SPACE)
            if self._take(b"]"):
                return
            if not self._take(b","):
                raise _Wrong("Missing a comma or ']' after an array element.", self._at)
            self._skip(_WHITE_SPACE)

    def _string(self) -> None:
        self._take(b'"')
        while True:
            self._skip(_PLAIN_TEXT)
            if self._take(b'"'):
                return
            if self._peek() == b"\\":
                self._escape()
            elif not self._peek():
                raise _Wrong("Missing a closing quotation mark in string.", self._at)
            else:
                raise _Wrong("Invalid escape character in string.", self._at)

    def _escape(self) -> None:
        start = self._at
        self._take(b"\\")
        escaped = self._peek()
        if not escaped or escaped not in b'"\\/bfnrtu':
            raise _Wrong("Invalid escape character in string.", start)
        self._at += 1
        if escaped != b"u":
            return
        if 0xD800 <= self._code(start) <= 0xDBFF and not (
            self._take(b"\\") and self._take(b"u") and 0xDC00 <= self._code(start) <= 0xDFFF
        ):
            raise _Wrong("The surrogate pair in string is invalid.", start)

    def _code(self, start: int) -> int:
        match = _HEX.match(self._body, self._at)
        if not match:
            raise _Wrong("Incorrect hex digit after \\u escape in string.", start)
        self._at = match.end()
        return int(match[0], 16)

    def _number(self) -> None:
        start = self._at
        self._take(b"-")
        if self._peek() in (b"N", b"I"):
            self._word(b"NaN" if self._peek() == b"N" else b"Inf")
            if self._peek() == b"i":
                self._word(b"inity")
            return
        if not self._take(b"0"):
            self._digits(_INVALID)
        if self._take(b"."):
            self._digits("Miss fraction part in number.")
        if self._take(b"e") or self._take(b"E"):
            self._take(b"+") or self._take(b"-")
            self._digits("Miss exponent in number.")
        if math.isinf(float(self._body[start : self._at])):
            raise _Wrong("Number too big to be stored in double.", start)

    def _digits(self, complaint: str) -> None:
        start = self._at
        self._skip(_DIGITS)
        if self._at == start:
            raise _Wrong(complaint, start)
