"""Collages: cells that cover the sheet, equal areas, crumbs left out."""

import numpy as np
import pytest

from serving.pictures.collage import LAYOUTS, default_size, keep_product, lay_out, make_collage


def product(height, width, colour=(10, 20, 30), room=5):
    cut_out = np.zeros([height + 2 * room, width + 2 * room, 4], "uint8")
    cut_out[room:-room, room:-room] = (*colour, 255)
    return cut_out


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("num_products", [1, 2, 3, 5, 7, 12])
def test_cells_lie_on_the_sheet_and_not_on_each_other(layout, num_products):
    width, height = default_size(layout, num_products)
    covered = np.zeros([height, width], int)
    cells = lay_out(layout, num_products, width, height)
    assert len(cells) == num_products
    for top, left, cell_height, cell_width in cells:
        assert min(top, left) >= 0
        assert top + cell_height <= height
        assert left + cell_width <= width
        covered[top : top + cell_height, left : left + cell_width] += 1
    assert covered.max() == 1
    assert covered.mean() > 0.5


def test_products_cover_equal_areas_whatever_their_shape():
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    shapes = [(100, 100), (60, 120), (150, 75)]
    products = [product(*shape, colour) for shape, colour in zip(shapes, colours, strict=True)]
    sheet = make_collage(products, "row", 900, 300)
    areas = [(np.abs(sheet.astype(int) - colour).max(axis=-1) < 60).sum() for colour in colours]
    assert max(areas) < 1.06 * min(areas)
    assert (sheet[0] == 255).all()


def test_a_belt_does_not_make_all_others_tiny():
    sheet = make_collage(
        [product(100, 100), product(100, 100, (200, 0, 0)), product(4, 200)], "row", 900, 300
    )
    red = (np.abs(sheet.astype(int) - (200, 0, 0)).max(axis=-1) < 60).sum()
    assert red > 0.3 * 300 * 300


def test_the_first_is_the_hero():
    products = [product(50, 50), product(50, 50, (200, 0, 0)), product(50, 50, (0, 0, 200))]
    sheet = make_collage(products, "hero", 600, 480).astype(int)
    first, second, third = (
        (np.abs(sheet - colour).max(axis=-1) < 60).sum()
        for colour in ((10, 20, 30), (200, 0, 0), (0, 0, 200))
    )
    assert first > 2 * second
    assert abs(second - third) < 0.05 * second


def test_crumbs_are_left_out_and_pairs_are_kept():
    cut_out = np.zeros([60, 100, 4], "uint8")
    cut_out[10:50, 10:40, 3] = 255
    cut_out[10:50, 55:80, 3] = 255
    cut_out[5:8, 90:95, 3] = 255
    kept = keep_product(cut_out)
    np.testing.assert_array_equal(kept[:, :85], cut_out[:, :85])
    assert kept[:, 85:, 3].max() == 0
