"""IDX files, the format that Fashion-MNIST comes in: found, verified by checksum, parsed.

Sources:
    [IDX] LeCun, Cortes, Burges, "The MNIST database", section "File formats": a big-endian header (two zero
    bytes, type code, number of dimensions, the dimensions as 32-bit integers), then the values row by row.
"""

import gzip
import hashlib
import io
import os
import shutil
import zlib
from pathlib import Path

import numpy as np

_UINT8_TYPE_CODE = 8
_GZIP_MAGIC = b"\x1f\x8b"


class IdxFileError(ValueError):
    """An IDX file that is missing, truncated or not the one expected."""


def find_idx_file(directory: str | os.PathLike, file_name: str, sha256: str) -> Path:
    """Finds an IDX file in a directory, plain or with `.gz` appended.

    Args:
        directory: Where the file lies.
        file_name: Its name without `.gz`.
        sha256: Its expected checksum, for the error.

    Returns:
        The path of the plain file if there is one, else of the gzipped one.

    Raises:
        IdxFileError: If there is neither.

    Example:

    ```python
    path = find_idx_file("/usr/share/datasets/fashion-mnist", "t10k-labels-idx1-ubyte", sha256=...)
    ```
    """
    plain = Path(directory) / file_name
    packed = plain.with_name(f"{file_name}.gz")
    if plain.is_file():
        return plain
    if packed.is_file():
        return packed
    raise IdxFileError(
        f"An IDX file is missing. Received: file={plain} (or {packed.name}), expected sha256={sha256}, "
        "found no such file. Copy it there, or name the directory that holds it."
    )


def read_idx_file(path: str | os.PathLike, sha256: str) -> np.ndarray:
    """Reads one IDX file, plain or gzipped, after verifying its checksum.

    The checksum is that of the decompressed content: distributions pack the same content into different gzip
    files (Debian's leave the file name out).

    Args:
        path: The file.
        sha256: Expected SHA-256 of the decompressed content, in hexadecimal digits.

    Returns:
        uint8 array of the shape that the header states.

    Raises:
        IdxFileError: If the file cannot be read to its end, has another checksum, or its content is not IDX;
            names file, expected and found checksum.

    Example:

    ```python
    labels = read_idx_file("/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz", sha256=...)
    ```
    """
    content, damage = _read_content(path)
    found = hashlib.sha256(content).hexdigest()
    if damage or found != sha256:
        raise IdxFileError(
            "An IDX file must have the content of the original, because models and scores depend on it. "
            f"Received: file={path}, expected sha256={sha256}, found sha256={found} "
            f"({damage or f'{len(content):,} bytes'}; checksums are of the decompressed content). "
            "Replace the file by a fresh copy."
        )
    return parse_idx(content, path)


def parse_idx(content: bytes, path: str | os.PathLike = "<bytes>") -> np.ndarray:
    """Parses the content of an IDX file of unsigned bytes.

    Args:
        content: The whole decompressed file.
        path: Named in errors.

    Returns:
        uint8 array of the shape that the header states.

    Raises:
        IdxFileError: If the header is not that of unsigned bytes, or the length does not agree with it.

    Example:

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])).tolist()
    [7, 9]
    """
    magic = content[:4]
    if len(magic) < 4 or magic[:3] != bytes([0, 0, _UINT8_TYPE_CODE]):
        raise IdxFileError(
            "An IDX file of pictures or labels must begin with the bytes 00 00 08, its type. "
            f"Received: file={path}, first bytes {magic.hex(' ') or 'none'}. Is it another file, renamed?"
        )
    num_dimensions = magic[3]
    header_bytes = 4 + 4 * num_dimensions
    num_sizes = min(num_dimensions, len(content) // 4 - 1)
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", count=num_sizes, offset=4))
    expected_bytes = header_bytes + int(np.prod(shape, dtype=np.int64))
    if len(shape) != num_dimensions or len(content) != expected_bytes:
        raise IdxFileError(
            "An IDX file must be as long as its header says. "
            f"Received: file={path}, {len(content):,} bytes, header {shape} wants {expected_bytes:,}. "
            "Replace the file by a fresh copy."
        )
    return np.frombuffer(content, np.uint8, offset=header_bytes).reshape(shape)


def _read_content(path: str | os.PathLike) -> tuple[bytes, str]:
    """Returns what can be decompressed, and what stopped it (`""`: nothing did)."""
    content = Path(path).read_bytes()
    if not content.startswith(_GZIP_MAGIC):
        return content, ""
    unpacked = io.BytesIO()
    try:
        with gzip.open(io.BytesIO(content)) as file:
            shutil.copyfileobj(file, unpacked)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        return unpacked.getvalue(), f"gzip file damaged after {unpacked.tell():,} bytes of content: {error}"
    return unpacked.getvalue(), ""
