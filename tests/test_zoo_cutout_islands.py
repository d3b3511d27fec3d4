"""Islands beside the product: which go, and what must stay."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.cutout.islands import drop_islands

SIDE = 128


def masks_of(*boxes, value=1.0):
    mask = np.zeros([1, SIDE, SIDE, 1], "float32")
    for top, bottom, left, right in boxes:
        mask[:, top:bottom, left:right] = value
    return mask


PRODUCT = (30, 90, 40, 80)
SECOND_SHOE = (30, 60, 90, 110)
STRAP = (10, 30, 50, 52)
LONG_STRAP = (110, 112, 2, 126)


@pytest.mark.parametrize("speck", [(5, 7, 5, 30), (100, 128, 126, 128), (60, 63, 100, 103)])
def test_specks_go(speck):
    np.testing.assert_array_equal(drop_islands(masks_of(PRODUCT, speck)), masks_of(PRODUCT))


@pytest.mark.parametrize(
    "parts", [(STRAP,), (SECOND_SHOE,), (STRAP, SECOND_SHOE), ((88, 112, 60, 61), LONG_STRAP)]
)
def test_straps_and_second_products_stay(parts):
    whole = masks_of(PRODUCT, *parts)
    np.testing.assert_array_equal(drop_islands(whole), whole)


def test_a_necklace_stays():
    necklace = masks_of(LONG_STRAP)
    np.testing.assert_array_equal(drop_islands(necklace), necklace)


def test_the_faint_edge_of_an_island_goes_with_it():
    faint = masks_of((3, 9, 3, 32), value=0.1)
    mask = np.maximum(masks_of(PRODUCT, (5, 7, 5, 30)), faint)
    np.testing.assert_array_equal(drop_islands(mask), masks_of(PRODUCT))


def test_photos_of_a_batch_are_judged_each_on_its_own():
    both = np.concatenate([masks_of(PRODUCT, (5, 7, 5, 30)), masks_of(LONG_STRAP)])
    expected = np.concatenate([masks_of(PRODUCT), masks_of(LONG_STRAP)])
    np.testing.assert_array_equal(drop_islands(tf.constant(both)), expected)
