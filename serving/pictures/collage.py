"""Lays cut-out products together on one white sheet, at equal optical size."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from zoo.pictures.grounds import Placing, lay_on_colour, outline_of

LAYOUTS = ("row", "grid", "hero")
WHITE = (255, 255, 255)
# Share of a cell's width or height that a product fills at most.
MOST_FILL = 0.88
# Products look equally large when they cover equal areas. One that is long and thin would make all others
# tiny: it may cover down to this share of what the middle one could.
_LEAST_SHARE = 0.5
# The share of the sheet's width that the first product has in the layout `hero`.
_HERO_SHARE = 0.64


# Sides in pixels of a sheet whose size nobody asks for: of each product's part of a row, and the longer side
# of the others.
_ROW_SIDE, _SHEET_SIDE = 1000, 2000
_HERO_HEIGHT = 1600
# Parts of a mask smaller than this share of its largest part are no product but tags, clips or dirt.
_LEAST_PART = 0.1
# How far around a product its soft edge reaches, in pixels.
_SOFT_EDGE = 5


class Cell(NamedTuple):
    """A part of the sheet, in pixels."""

    top: int
    left: int
    height: int
    width: int


def lay_out(layout: str, num_products: int, width: int, height: int) -> list[Cell]:
    """Returns the cells of a layout, in the products' order.

    Args:
        layout: One of `LAYOUTS`: `row` sets the products side by side, `grid` in rows of about as many as
            there are rows, `hero` makes the first large and stacks the others beside it.
        num_products: At least 1.
        width: Width of the sheet in pixels.
        height: Height of the sheet in pixels.

    Example:

    >>> lay_out("row", 2, 100, 50)
    [Cell(top=0, left=0, height=50, width=50), Cell(top=0, left=50, height=50, width=50)]
    """
    if layout == "row" or num_products == 1:
        return _row(num_products, 0, 0, height, width)
    if layout == "hero":
        first = round(width * _HERO_SHARE)
        edges = _edges(height, num_products - 1)
        ends = zip(edges, edges[1:], strict=False)
        others = [Cell(top, first, bottom - top, width - first) for top, bottom in ends]
        return [Cell(0, 0, height, first), *others]
    per_row, num_rows = _shape_of_grid(num_products)
    edges = _edges(height, num_rows)
    cells = []
    for row in range(num_rows):
        num_columns = min(per_row, num_products - row * per_row)
        # A last row with fewer products stands in the middle, its cells as wide as the others.
        used = round(width * num_columns / per_row)
        cells += _row(num_columns, edges[row], (width - used) // 2, edges[row + 1] - edges[row], used)
    return cells


def default_size(layout: str, num_products: int) -> tuple[int, int]:
    """Returns width and height of a sheet that suits a layout.

    Example:

    >>> default_size("row", 3), default_size("grid", 6)
    ((3000, 1000), (2000, 1333))
    """
    if layout == "row":
        return _ROW_SIDE * num_products, _ROW_SIDE
    if layout == "hero":
        return _SHEET_SIDE, _HERO_HEIGHT
    per_row, num_rows = _shape_of_grid(num_products)
    cell = _SHEET_SIDE / max(per_row, num_rows)
    return round(per_row * cell), round(num_rows * cell)


def _shape_of_grid(num_products):
    """Returns how many products a row has, and how many rows there are."""
    per_row = math.ceil(num_products**0.5)
    return per_row, -(-num_products // per_row)


def keep_product(cut_out: np.ndarray) -> np.ndarray:
    """Makes small parts of a cut-out that are no product transparent.

    Args:
        cut_out: uint8 array `[h, w, 4]`: colours and opacity.

    Returns:
        uint8 array `[h, w, 4]`.
    """
    parts, num_parts = ndimage.label(cut_out[..., 3] > 127)
    if num_parts < 2:
        return cut_out
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    is_kept = sizes >= _LEAST_PART * sizes.max()
    is_kept[0] = False
    near = ndimage.binary_dilation(is_kept[parts], iterations=_SOFT_EDGE)
    return np.dstack([cut_out[..., :3], np.where(near, cut_out[..., 3], 0)])


def make_collage(products: Sequence[np.ndarray], layout: str, width: int, height: int) -> np.ndarray:
    """Lays cut-outs on a white sheet.

    Args:
        products: uint8 arrays `[h, w, 4]`: colours and opacity.
        layout: One of `LAYOUTS`.
        width: Width of the sheet in pixels.
        height: Height of the sheet in pixels.

    Returns:
        uint8 array `[height, width, 3]`.
    """
    cells = lay_out(layout, len(products), width, height)
    sheet = np.full([height, width, 3], 255, "uint8")
    groups = [range(1), range(1, len(products))] if layout == "hero" else [range(len(products))]
    for group in groups:
        fills = _equal_fills([products[index] for index in group], [cells[index] for index in group])
        for index, fill in zip(group, fills, strict=True):
            cell = cells[index]
            placed = Placing((cell.width, cell.height), fill).apply(products[index])
            part = sheet[cell.top : cell.top + cell.height, cell.left : cell.left + cell.width]
            part[:] = lay_on_colour(placed, WHITE)
    return sheet


def _equal_fills(products, cells):
    """Returns the shares of their cells that products fill, so that their areas are equal where they fit."""
    largest = []  # area of each product when it fills its cell as far as it may
    for product, cell in zip(products, cells, strict=True):
        left, top, right, bottom = outline_of(product)
        scale = MOST_FILL * min(cell.width / (right - left), cell.height / (bottom - top))
        largest.append(scale**2 * max(product[..., 3].sum() / 255.0, 1.0))
    if not largest:
        return []
    area = max(min(largest), _LEAST_SHARE * float(np.median(largest)))
    return [MOST_FILL * min(1.0, (area / most) ** 0.5) for most in largest]


def _row(num_products, top, left, height, width):
    edges = _edges(width, num_products)
    return [
        Cell(top, left + start, height, end - start) for start, end in zip(edges, edges[1:], strict=False)
    ]


def _edges(length, num_parts):
    return [round(length * part / num_parts) for part in range(num_parts + 1)]
