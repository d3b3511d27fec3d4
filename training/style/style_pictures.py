"""Reads the pictures whose styles a model learns: a folder's, or those that this project draws."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

from training.style.drawings import DRAWINGS, SIDE
from zoo.errors import WrongUsageError
from zoo.pictures.photo import read_photo
from zoo.pictures.photo_files import UnreadablePhotoError
from zoo.pictures.photo_names import is_hidden, is_photo

DRAWN = "drawn"
# Smaller ones do not show what repeats in them.
SMALLEST_SIDE = 64
# Other signs separate the styles of a mixture.
_NAME = re.compile(r"[\w-]+")


def style_names(source: str) -> list[str]:
    """Returns the names of a source's styles, in the order of their ids.

    Args:
        source: `drawn`, or the path of a folder with a picture per style, whose name is the file's without
            its ending.

    Raises:
        WrongUsageError: There is no such folder, it holds no picture, or a name cannot be a style's.
    """
    return list(DRAWINGS) if source == DRAWN else list(_find_files(source))


def read_styles(source: str) -> dict[str, np.ndarray]:
    """Reads a source's pictures, upright, in sRGB and with the longer side reduced to 512 pixels.

    Args:
        source: As for `style_names`.

    Returns:
        uint8 arrays `[h, w, 3]` by the style's name.

    Raises:
        WrongUsageError: As for `style_names`, or a picture cannot be read or is smaller than 64 pixels.
    """
    if source == DRAWN:
        return {name: np.asarray(draw()) for name, draw in DRAWINGS.items()}
    return {name: _read(file) for name, file in _find_files(source).items()}


def _find_files(source: str) -> dict[str, Path]:
    folder = Path(source)
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    found: dict[str, Path] = {}
    for file in files:
        if is_hidden(file.name) or not file.is_file() or not is_photo(file):
            continue
        name = file.stem.lower()
        if not _NAME.fullmatch(name) or name in found:
            raise WrongUsageError(
                "A style picture's name must be its own, of letters, digits, `_` and `-`, because it becomes "
                f"the style's. Received: {file}. Rename the file."
            )
        found[name] = file
    if not found:
        raise WrongUsageError(
            f"`--styles` must be a folder with a picture per style, or {DRAWN}. Received: {source!r}, "
            f"{'where no picture lies' if folder.is_dir() else 'which is no folder'}."
        )
    return found


def _read(file: Path) -> np.ndarray:
    try:
        picture = Image.fromarray(read_photo(file.read_bytes(), has_opacity=False))
    except (UnreadablePhotoError, OSError) as error:
        raise WrongUsageError(
            f"Style pictures must be readable. Received: {file}, {error}. Replace it or take it away."
        ) from error
    if min(picture.size) < SMALLEST_SIDE:
        raise WrongUsageError(
            f"Style pictures must have at least {SMALLEST_SIDE} pixels a side, to show what repeats in them. "
            f"Received: {file}, {picture.width} x {picture.height}. Take a larger one."
        )
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(picture)
