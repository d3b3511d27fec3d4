"""Reads the colour of a swatch, and draws a sheet of one product in several colours."""

import numpy as np
from PIL import Image

CELL_SIDE, GAP = 640, 16
# A swatch's pixels that are nearer than this to its main colour, in grey levels, count as the same colour.
SAME_COLOUR = 40
SWATCH_SIDE = 64


def make_sheet(pictures: list[np.ndarray]) -> np.ndarray:
    """Lays pictures of one size side by side, in rows that make the sheet about square.

    Args:
        pictures: uint8 arrays `[h, w, 3 or 4]`; larger ones are shrunk to 640 pixels.

    Returns:
        uint8 array `[H, W, 3]`.

    Example:

    >>> make_sheet([np.zeros([10, 4, 3], "uint8")] * 4).shape
    (10, 64, 3)
    """
    height, width = pictures[0].shape[:2]
    scale = min(1.0, CELL_SIDE / max(height, width))
    height, width = max(1, round(height * scale)), max(1, round(width * scale))
    num_columns = int(np.ceil(np.sqrt(len(pictures) * height / width)))
    num_rows = -(-len(pictures) // num_columns)
    size = (num_columns * (width + GAP) - GAP, num_rows * (height + GAP) - GAP)
    sheet = Image.new("RGB", size, "white")
    for index, picture in enumerate(pictures):
        place = ((index % num_columns) * (width + GAP), (index // num_columns) * (height + GAP))
        cell = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS)
        sheet.paste(cell, place, cell if cell.mode == "RGBA" else None)
    return np.asarray(sheet)


def main_colour(picture: np.ndarray) -> tuple[tuple[int, int, int], float]:
    """Returns the most frequent colour of a picture, and its share of the pixels.

    Args:
        picture: uint8 array `[h, w, 3]`.

    Example:

    >>> picture = np.full([4, 4, 3], 200, "uint8")
    >>> picture[0] = 10
    >>> main_colour(picture)
    ((200, 200, 200), 0.75)
    """
    rows, columns = (
        np.linspace(0, side - 1, min(side, SWATCH_SIDE)).round().astype(int) for side in picture.shape[:2]
    )
    values = picture[rows][:, columns].reshape(-1, 3).astype(int)
    codes = (values // 16) @ np.array([256, 16, 1])
    centre = values[codes == np.bincount(codes).argmax()].mean(axis=0)
    near = np.abs(values - centre).max(axis=1) <= SAME_COLOUR
    red, green, blue = map(int, np.median(values[near], axis=0).round())
    return (red, green, blue), float(near.mean())
