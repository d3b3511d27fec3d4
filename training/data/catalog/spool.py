"""Converted photos and descriptions on disk until it is known which split they belong to."""

import contextlib
import os
from pathlib import Path


class Spool:
    """Appends byte strings to a file and gives them back by their place.

    Args:
        path: The file; it must not exist.

    Example:

    ```python
    with Spool(directory / "photos.spool") as spool:
        place = spool.append([image_bytes, text.encode()])
        image_bytes, text_bytes = spool.read(place)
    ```
    """

    def __init__(self, path: str | os.PathLike):
        self._file = open(Path(path), "xb+", buffering=1 << 20)  # noqa: SIM115 - closed by __exit__
        self.num_bytes = 0

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *error) -> None:
        with contextlib.suppress(OSError):  # what was to be kept has been flushed
            self._file.close()

    def append(self, parts: list[bytes]) -> tuple[int, ...]:
        """Writes byte strings; returns where they begin and how long each is."""
        place = (self.num_bytes, *map(len, parts))
        for part in parts:
            self._file.write(part)
            self.num_bytes += len(part)
        return place

    def flush(self) -> None:
        """Makes sure that all that was appended is on disk."""
        self._file.flush()

    def read(self, place: tuple[int, ...]) -> list[bytes]:
        """Returns what `append` put at a place; `flush` first."""
        begin, *lengths = place
        content = os.pread(self._file.fileno(), sum(lengths), begin)
        parts = []
        for length in lengths:
            parts.append(content[:length])
            content = content[length:]
        return parts
