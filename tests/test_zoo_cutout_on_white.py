"""Products on white, inside the graph: where they stand, what is outside, and the same as for files."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.cutout.on_white import place_on_white
from zoo.pictures import grounds

COLOUR = (30, 60, 90)


def cut_out(height, width, top, bottom, left, right):
    colours = np.full([height, width, 3], COLOUR, "uint8")
    opacity = np.zeros([height, width, 1], "float32")
    opacity[top:bottom, left:right] = 1
    return colours, opacity


@pytest.mark.parametrize("box", [(20, 80, 30, 50), (0, 100, 0, 70), (60, 100, 10, 70), (0, 3, 0, 70)])
def test_the_product_is_centred_and_fills_what_market_places_ask_for(box):
    colours, opacity = cut_out(100, 70, *box)
    image = place_on_white(tf.constant(colours), tf.constant(opacity), 64).numpy()
    rows, columns = np.nonzero(image[..., 0] < 128)
    assert abs(max(np.ptp(rows), np.ptp(columns)) + 1 - 0.85 * 64) <= 2
    assert abs(rows.min() + rows.max() - 63) <= 2
    assert abs(columns.min() + columns.max() - 63) <= 2
    np.testing.assert_array_equal(image[0, 0], 255)


def test_files_are_placed_alike():
    colours, opacity = cut_out(90, 120, 20, 70, 15, 60)
    image = place_on_white(tf.constant(colours), tf.constant(opacity), 48).numpy()
    product = np.concatenate([colours, np.round(255 * opacity).astype("uint8")], axis=-1)
    placed = grounds.Placing((48, 48), grounds.MARKET_FILL).apply(product)
    expected = grounds.lay_on_colour(placed, (255, 255, 255))
    assert np.abs(image.astype(int) - expected).mean() < 6


def test_without_a_product_the_whole_photo_is_placed():
    colours, opacity = cut_out(40, 60, 0, 0, 0, 0)
    np.testing.assert_array_equal(place_on_white(tf.constant(colours), tf.constant(opacity), 16), 255)
