"""Finds, verifies and parses IDX files, the format of Fashion-MNIST.

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
    """Raised for an IDX file that is missing, truncated or not the expected one."""


def find_idx_file(directory: str | os.PathLike, file_name: str, sha256: str) -> Path:
    """Finds an IDX file in a directory, plain or with `.gz` appended.

    Args:
        directory: The file's directory.
        file_name: The file's name without `.gz`.
        sha256: The file's expected checksum, named in the error.

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
        f"An IDX file must exist. Received: file={plain} (or {packed.name}), expected sha256={sha256}, "
        "found no such file. Copy it there, or name the directory that contains it."
    )


def read_idx_file(path: str | os.PathLike, sha256: str) -> np.ndarray:
    """Reads one IDX file, plain or gzipped, and verifies its checksum.

    The checksum is that of the decompressed content, because distributions pack the same content into
    different gzip files (Debian's omit the file name).

    Args:
        path: The file.
        sha256: Expected SHA-256 of the decompressed content, in hexadecimal digits.

    Returns:
        uint8 array of the shape given in the header.

    Raises:
        IdxFileError: If the file cannot be read to its end, has another checksum, or its content is not IDX;
            the message names the file, the expected checksum and the actual one.

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
        path: The file's path for error messages.

    Returns:
        uint8 array of the shape given in the header.

    Raises:
        IdxFileError: If the header is not that of unsigned bytes, or does not match the content's length.

    Example:

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])).tolist()
    [7, 9]
    """
    magic = content[:4]
    if len(magic) < 4 or magic[:3] != bytes([0, 0, _UINT8_TYPE_CODE]):
        raise IdxFileError(
            "An IDX file of pictures or labels must start with the bytes 00 00 08, its type. "
            f"Received: file={path}, first bytes {magic.hex(' ') or 'none'}. "
            "Check that it is not a renamed file of another kind."
        )
    num_dimensions = magic[3]
    header_bytes = 4 + 4 * num_dimensions
    num_sizes = min(num_dimensions, len(content) // 4 - 1)
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", count=num_sizes, offset=4))
    expected_bytes = header_bytes + int(np.prod(shape, dtype=np.int64))
    if len(shape) != num_dimensions or len(content) != expected_bytes:
        raise IdxFileError(
            "An IDX file must have the length that its header implies. "
            f"Received: file={path}, {len(content):,} bytes, header {shape} implies {expected_bytes:,}. "
            "Replace the file by a fresh copy."
        )
    return np.frombuffer(content, np.uint8, offset=header_bytes).reshape(shape)


def _read_content(path: str | os.PathLike) -> tuple[bytes, str]:
    """Returns the content as far as it can be decompressed, and the damage that stopped it, `""` if none."""
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
