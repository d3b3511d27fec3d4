"""Tells which files of a folder are photos."""

from pathlib import Path

from zoo.pictures.photo_files import FIRST_BYTES, format_of
from zoo.pictures.photo_writer import SUFFIXES

# Files that are taken for photos by their names; others are if they begin like one.
PHOTO_SUFFIXES = frozenset(
    ending for endings in (*SUFFIXES.values(), (".gif", ".dib", ".hif")) for ending in endings
)
# Kinds of pictures that are not read; they are reported, where other files are passed over.
UNREAD_SUFFIXES = frozenset(
    (".jxl", ".jp2", ".psd", ".svg", ".ico", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf")
)
# What systems leave in folders.
_SYSTEM_NAMES = frozenset(("thumbs.db", "desktop.ini"))


def is_hidden(name: str) -> bool:
    """Returns whether a file's or folder's name is one that users do not see."""
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def is_photo(path: Path) -> bool:
    """Returns whether a file is a photo, or should be one, by its name or its first bytes."""
    suffix = path.suffix.lower()
    if suffix in PHOTO_SUFFIXES or suffix in UNREAD_SUFFIXES:
        return True
    if not path.is_file():  # opening a named pipe would wait for ever
        return False
    try:
        with path.open("rb") as file:
            return format_of(file.read(FIRST_BYTES)) is not None
    except OSError:
        return False
