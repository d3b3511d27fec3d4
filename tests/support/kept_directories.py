"""Directories for what several tests of a session share, removed with pytest's own."""

import tempfile
from pathlib import Path

# conftest.py sets it: pytest keeps the directories of its last three sessions, and removes older ones.
root: Path | None = None


def make_directory(prefix: str) -> Path:
    """Returns a new empty directory that lasts as long as the session's other files."""
    return Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=root))
