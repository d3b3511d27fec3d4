"""Finds the largest upright rectangle in a mask, to which a stitched picture is cropped."""

import numpy as np

# The search runs on a mask reduced to this many points along its longer side.
_GRID_SIDE = 400


def largest_rectangle(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Returns top, left, bottom and right of a rectangle that lies wholly in a mask and is as large as any.

    On masks of more than 400 pixels along a side it may be smaller than the largest by a few pixels.

    Args:
        mask: bool array `[h, w]`, true somewhere.

    Example:

    >>> mask = np.zeros([4, 6], bool)
    >>> mask[1:3, 1:6] = True
    >>> largest_rectangle(mask)
    (1, 1, 3, 6)
    """
    step = -(-max(mask.shape) // _GRID_SIDE)
    padding = [(0, -side % step) for side in mask.shape]
    blocks = np.pad(mask, padding).reshape(-(-mask.shape[0] // step), step, -(-mask.shape[1] // step), step)
    top, left, bottom, right = _largest_in_grid(blocks.all(axis=(1, 3)))
    if top == bottom:  # the mask is thinner than the grid
        rows, columns = np.nonzero(mask)
        return int(rows[0]), int(columns[0]), int(rows[0]) + 1, int(columns[0]) + 1
    return _grow(mask, top * step, left * step, bottom * step, right * step)


def _largest_in_grid(grid):
    """Finds the largest rectangle by the heights of the columns of true points above each row."""
    heights = np.zeros(grid.shape[1], int)
    best_area, best = 0, (0, 0, 0, 0)
    for row, is_inside in enumerate(grid):
        heights = np.where(is_inside, heights + 1, 0)
        open_starts: list[tuple[int, int]] = []  # column and height, rising
        for column, height in enumerate([*heights.tolist(), 0]):
            start = column
            while open_starts and open_starts[-1][1] >= height:
                start, tall = open_starts.pop()
                if tall * (column - start) > best_area:
                    best_area = tall * (column - start)
                    best = row + 1 - tall, start, row + 1, column
            open_starts.append((start, height))
    return best


def _grow(mask, top, left, bottom, right):
    """Moves each side outwards as long as all pixels that it takes in are in the mask."""
    bottom, right = min(bottom, mask.shape[0]), min(right, mask.shape[1])
    while top > 0 and mask[top - 1, left:right].all():
        top -= 1
    while bottom < mask.shape[0] and mask[bottom, left:right].all():
        bottom += 1
    while left > 0 and mask[top:bottom, left - 1].all():
        left -= 1
    while right < mask.shape[1] and mask[top:bottom, right].all():
        right += 1
    return top, left, bottom, right
