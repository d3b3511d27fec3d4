"""Picture sheets: the positions of pictures, labels and notes."""

import io

import numpy as np
import pytest
from PIL import Image

from training.pages.picture_sheet import (
    BACKGROUND,
    GAP,
    INK,
    LABEL_HEIGHT,
    NOTE_INK,
    SMALLEST_TILE,
    PictureSheet,
)


def plain(value, height=12, width=12, channels=3):
    return np.full([height, width, channels], value, "uint8")


def has_ink(area, ink):
    return (np.abs(area.astype("int32") - ink).sum(axis=-1) < 30).any()


def test_pictures_stand_in_rows_and_columns_with_gaps():
    values = np.array([[10, 60, 110], [160, 210, 30]])
    sheet = PictureSheet(rows=[[plain(value) for value in row] for row in values]).draw()
    pitch = SMALLEST_TILE + GAP
    assert sheet.shape == (GAP + 2 * pitch + LABEL_HEIGHT, GAP + 3 * pitch, 3)
    assert sheet.dtype == np.uint8
    for row in range(2):
        for column in range(3):
            top, left = GAP + row * pitch, GAP + column * pitch
            tile = sheet[top : top + SMALLEST_TILE, left : left + SMALLEST_TILE]
            np.testing.assert_array_equal(tile, np.full_like(tile, values[row, column]))
            np.testing.assert_array_equal(sheet[top - 1, left], BACKGROUND)


@pytest.mark.parametrize("channels", [1, 3])
def test_small_pictures_are_enlarged_by_repeating_pixels(channels):
    image = np.random.default_rng(0).integers(0, 256, (28, 28, channels), dtype="uint8")
    sheet = PictureSheet(rows=[[image]]).draw()
    tile = sheet[GAP : GAP + SMALLEST_TILE, GAP : GAP + SMALLEST_TILE]
    repeated = image.repeat(3, axis=0).repeat(3, axis=1)
    np.testing.assert_array_equal(tile, np.broadcast_to(repeated, tile.shape))


def test_every_pixel_is_enlarged_alike():
    assert PictureSheet(rows=[[plain(0, 64, 64)]]).draw().shape[1] == 2 * GAP + 128


def test_large_pictures_keep_their_pixels():
    image = np.random.default_rng(1).integers(0, 256, (90, 90, 3), dtype="uint8")
    np.testing.assert_array_equal(PictureSheet(rows=[[image]]).draw()[GAP : GAP + 90, GAP : GAP + 90], image)


def test_a_picture_that_is_not_square_is_centred():
    sheet = PictureSheet(rows=[[plain(0, height=SMALLEST_TILE, width=24)]]).draw()
    black = np.argwhere((sheet[:, : GAP + SMALLEST_TILE] == 0).all(axis=-1))
    assert black.min(axis=0).tolist() == [GAP, GAP + (SMALLEST_TILE - 24) // 2]
    assert black.max(axis=0).tolist() == [GAP + SMALLEST_TILE - 1, GAP + (SMALLEST_TILE + 24) // 2 - 1]


def test_labels_and_captions_are_written_beside_their_picture():
    blank = plain(BACKGROUND[0])
    sheet = (
        PictureSheet(
            rows=[[blank, blank]] * 2,
            column_labels=["", "dress"],
            row_labels=["", "real"],
            captions=[["", ""], ["31.5 dB", ""]],
        )
        .draw()
        .copy()
    )
    row_height = SMALLEST_TILE + GAP + LABEL_HEIGHT
    left = sheet.shape[1] - 2 * (SMALLEST_TILE + GAP)
    second_column = left + SMALLEST_TILE + GAP
    top = GAP + LABEL_HEIGHT
    second_row = top + row_height
    with_ink = {
        "column label": sheet[:top, second_column:],
        "row label": sheet[second_row : second_row + SMALLEST_TILE, : left - GAP],
        "caption": sheet[second_row + SMALLEST_TILE : second_row + row_height, left:second_column],
    }
    for name, area in with_ink.items():
        assert has_ink(area, INK), name
        area[:] = BACKGROUND
    assert (sheet == BACKGROUND).all()


def test_the_note_is_red_and_fits():
    note = "Rendered catalogue: drawn by code, no photos. " * 3
    sheet = PictureSheet(rows=[[plain(BACKGROUND[0])]], note=note).draw()
    foot = sheet[-LABEL_HEIGHT:]
    assert has_ink(foot, NOTE_INK)
    assert (foot[:, -GAP:] == BACKGROUND).all()
    assert (sheet[:-LABEL_HEIGHT] == BACKGROUND).all()


def test_png_is_the_same_sheet():
    sheet = PictureSheet(rows=[[plain(70)]], column_labels=["bag"], note="A note.")
    np.testing.assert_array_equal(Image.open(io.BytesIO(sheet.to_png())), sheet.draw())
