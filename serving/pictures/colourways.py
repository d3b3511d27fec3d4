"""Draws a sheet of one product in several colours."""

import numpy as np
from PIL import Image

CELL_SIDE, GAP = 640, 16


def make_sheet(pictures: list[np.ndarray]) -> np.ndarray:
    """Lays pictures of one size side by side, in rows that make the sheet about square.

    Args:
        pictures: uint8 arrays `[h, w, 3 or 4]`; larger ones are shrunk to 640 pixels.

    Returns:
        uint8 array `[H, W, 3]`.

    Example:

    >>> make_sheet([np.zeros([10, 8, 3], "uint8")] * 4).shape
    (36, 32, 3)
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
