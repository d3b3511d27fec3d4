"""Which encoding a text file has."""

import codecs
import os
import re
from pathlib import Path

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What no text file holds, whatever its language.
_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_READ_BYTES = 1 << 20


def detect_encoding(path: str | os.PathLike) -> str:
    """Returns the encoding that a whole text file can be read in.

    A byte order mark decides. Without one UTF-8 is tried, UTF-16 where every other byte is zero, and last
    cp1252, the usual one of older Windows programs, which holds every letter of latin-1.

    Args:
        path: A text file.

    Returns:
        Python's name of the encoding.

    Raises:
        ValueError: If the file cannot be read in any of them; says which were tried.

    Example:

    ```python
    detect_encoding("catalog.csv")  # 'utf-8'
    ```
    """
    with open(path, "rb") as file:
        head = file.read(_READ_BYTES)
    marked = [name for mark, name in _BOMS if head.startswith(mark)]
    if marked:
        candidates = marked[:1]
    elif b"\0" in head:
        is_little_endian = head[1::2].count(0) >= head[0::2].count(0)
        candidates = ["utf-16-le" if is_little_endian else "utf-16-be"]
    else:
        candidates = ["utf-8", "cp1252"]
    failures = []
    for encoding in candidates:
        failure = find_failure(path, encoding)
        if failure is None:
            return encoding
        failures.append(f"{encoding} ({failure})")
    raise ValueError(
        f"A table must be a text file. Received: {Path(path).name}, tried as {', '.join(failures)}. Save it "
        "as CSV in UTF-8, or name its encoding: --encoding."
    )


def find_failure(path: str | os.PathLike, encoding: str) -> str | None:
    """Returns why a file is no text in an encoding, None if it is.

    Raises:
        LookupError: If there is no such encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    position = 0
    with open(path, "rb") as file:
        while True:
            part = file.read(_READ_BYTES)
            try:
                text = decoder.decode(part, final=not part)
            except UnicodeError as error:
                start = getattr(error, "start", 0)
                return f"not possible near byte {max(position + start, 0):,}"
            if found := _CONTROL_CHARACTERS.search(text):
                return f"control character {found.group()!r}: is it another kind of file?"
            if not part:
                return None
            position += len(part)
