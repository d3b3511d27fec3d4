"""Keeps converted photos and descriptions on disk until their splits are known."""

import contextlib
import os
from pathlib import Path


class Spool:
    """Appends byte strings to a file and reads them back by position.

    Args:
        path: The file, which must not exist yet.

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
        with contextlib.suppress(OSError):  # everything needed has been flushed
            self._file.close()

    def append(self, parts: list[bytes]) -> tuple[int, ...]:
        """Appends byte strings, and returns their position followed by the length of each."""
        place = (self.num_bytes, *map(len, parts))
        for part in parts:
            self._file.write(part)
            self.num_bytes += len(part)
        return place

    def flush(self) -> None:
        """Writes everything appended so far to the file."""
        self._file.flush()

    def read(self, place: tuple[int, ...]) -> list[bytes]:
        """Returns the byte strings that `append` wrote at a place; call `flush` first."""
        begin, *lengths = place
        content = os.pread(self._file.fileno(), sum(lengths), begin)
        parts = []
        for length in lengths:
            parts.append(content[:length])
            content = content[length:]
        return parts
