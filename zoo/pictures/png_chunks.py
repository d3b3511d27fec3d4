"""Takes PNG files apart and puts them together, chunk by chunk.

Pillow refuses whole files for the sake of their metadata: long texts, wrong checksums of chunks that no
picture needs. Nothing but what `KEPT` names reaches it.

Source: [PNG] W3C, Portable Network Graphics, third edition, chapters 5 and 11.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Chunks without which there is no picture. Their checksums must be right.
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
KEPT = (*_PIXELS, b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"pHYs", b"eXIf", b"iTXt")
XMP_KEYWORD = b"XML:com.adobe.xmp"
# Old tools keep EXIF as text under such names.
_RAW_PROFILE = b"Raw profile type "


def without_extras(content: bytes, max_bytes: int) -> bytes:
    """Leaves out what is not needed to show a PNG file, or to say how it was made.

    Kept are the picture, its colours, resolution, EXIF and XMP; left out are other texts, animation, chunks
    of more than `max_bytes`, and extra chunks with wrong checksums.

    Args:
        content: A PNG file, which may be damaged.
        max_bytes: Largest size of a chunk that is not part of the picture.

    Returns:
        A PNG file; the rest of a truncated one as it is.

    Raises:
        ValueError: The checksum of a part of the picture is wrong.

    Example:

    >>> text = pack_chunk(b"tEXt", b"Comment\\0" + b"long " * 9)
    >>> without_extras(SIGNATURE + text + b"cut", 100) == SIGNATURE + b"cut"
    True
    """
    pieces = [SIGNATURE]
    end = len(SIGNATURE)
    for name, start, end in _positions(content):
        if _is_kept(name, content[start + 8 : end - 4], content[end - 4 : end], max_bytes):
            pieces.append(content[start:end])
    return b"".join([*pieces, content[end:]])


def has_end(content: bytes) -> bool:
    """Returns whether a PNG file is there to its last chunk."""
    return any(name == b"IEND" for name, _, _ in _positions(content))


def read_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields name and content of each whole chunk of a PNG file.

    Example:

    >>> list(read_chunks(SIGNATURE + pack_chunk(b"gAMA", bytes(4))))
    [(b'gAMA', b'\\x00\\x00\\x00\\x00')]
    """
    for name, start, end in _positions(content):
        yield name, content[start + 8 : end - 4]


def insert_after_header(content: bytes, chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Inserts chunks, names with contents, after the first chunk of a whole PNG file."""
    end = len(SIGNATURE) + 25  # IHDR has 13 bytes
    return b"".join([content[:end], *(pack_chunk(name, data) for name, data in chunks), content[end:]])


def pack_chunk(name: bytes, data: bytes) -> bytes:
    """Returns a chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + name + data + _checksum(name, data)


def _positions(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    start = len(SIGNATURE)
    while start + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, start)
        end = start + 12 + length
        if end > len(content):
            return
        yield content[start + 4 : start + 8], start, end
        start = end


def _is_kept(name: bytes, data: bytes, checksum: bytes, max_bytes: int) -> bool:
    if name in _PIXELS:
        if checksum != _checksum(name, data):
            raise ValueError(f"the checksum of its {name.decode()} chunk is wrong")
        return True
    is_raw_profile = name in (b"tEXt", b"zTXt") and data.startswith(_RAW_PROFILE)
    is_text = name == b"iTXt" and not data.startswith(XMP_KEYWORD)
    if (name not in KEPT and not is_raw_profile) or is_text or len(data) > max_bytes:
        return False
    return checksum == _checksum(name, data)


def _checksum(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))
