"""Detects a text file's encoding."""

import codecs
import os
import re
from collections import defaultdict
from pathlib import Path

import charset_normalizer

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is a prefix of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Control characters that no text file contains, whatever its language.
_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_READ_BYTES = 1 << 20
# Encodings of files that are not Unicode, by the names that charset-normalizer tests. Of equally likely ones
# the first wins. Chinese and Korean are tested with their small character sets, because in the large ones
# Japanese files would also count as text.
_LEGACY = {
    "cp1252": "cp1252",  # includes every letter of latin-1
    "cp1250": "cp1250",
    "cp1251": "cp1251",
    "cp1254": "cp1254",
    "cp1253": "cp1253",
    "cp1255": "cp1255",
    "cp1256": "cp1256",
    "cp1257": "cp1257",
    "cp932": "cp932",  # Shift-JIS
    "gb2312": "gb18030",
    "big5": "big5",
    "euc_kr": "cp949",
}
# Disorder of a part in which charset-normalizer finds no text.
_NO_TEXT = 0.5
_HALF_WIDTH_PENALTY = 0.15


def detect_encoding(path: str | os.PathLike) -> str:
    """Returns an encoding that can read the whole text file.

    A byte order mark decides. Without one, UTF-16 is tried if there are zero bytes, and otherwise UTF-8 and
    then Windows' encodings for Europe, the Near East and East Asia, in charset-normalizer's order of
    likelihood. That is a guess: a dozen words may not distinguish Polish from western letters.

    Args:
        path: A text file.

    Returns:
        Python's name of the encoding.

    Raises:
        ValueError: If the file cannot be read in any of them; the message lists those tried.

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
        candidates = ["utf-8", *_guess_legacy(head)]
    failures = []
    for encoding in candidates:
        failure = find_failure(path, encoding)
        if failure is None:
            return encoding
        failures.append(f"{encoding} ({failure})")
    raise ValueError(
        f"A table must be a text file. Received: {Path(path).name}, tried as {', '.join(failures)}. Save it "
        "as CSV in UTF-8, or name its encoding with --encoding."
    )


def _guess_legacy(head: bytes) -> list[str]:
    """Returns encodings in decreasing order of likelihood; cp1252 if none is likely."""
    if len(head) == _READ_BYTES:
        head = head[: head.rfind(b"\n") + 1]  # must not end within a character
    # ASCII cells, such as file names and numbers, carry no information; but the whole file shows the letters
    # in context. Both are tested.
    cells = [cell for cell in re.split(rb"[\r\n,;|\t]", head) if not cell.isascii()]
    parts = [head, b"\n".join(dict.fromkeys(cells))]
    found = [charset_normalizer.from_bytes(part, cp_isolation=list(_LEGACY)) for part in parts]
    disorder: dict[str, list[float]] = defaultdict(lambda: [_NO_TEXT] * len(parts))
    coherence: dict[str, float] = defaultdict(float)
    for index, matches in enumerate(found):
        for match in matches:
            for name in match.could_be_from_charset:
                disorder[name][index] = match.chaos
                coherence[name] += match.coherence

    def likelihood(name):
        penalty = _HALF_WIDTH_PENALTY if name == "cp932" and _is_half_width(head) else 0.0
        return round(sum(disorder[name]), 2) + penalty, -round(coherence[name], 1)

    likely = sorted((name for name in _LEGACY if name in disorder), key=likelihood)
    return [_LEGACY[name] for name in likely] or ["cp1252"]


def _is_half_width(head: bytes) -> bool:
    """Returns whether text is mostly half-width katakana, as any bytes above 160 are in Shift-JIS."""
    letters = [letter for letter in head.decode("cp932", "replace") if not letter.isascii()]
    return 2 * sum("\uff61" <= letter <= "\uff9f" for letter in letters) > len(letters)


def find_failure(path: str | os.PathLike, encoding: str) -> str | None:
    """Returns why a file is not text in an encoding, or None if it is.

    Raises:
        LookupError: If the encoding is unknown.
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
