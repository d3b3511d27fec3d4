"""Strips, with functions whose result can be worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.strips import upscale_in_strips

FACTOR = 2


def double(raw_images):
    return tf.repeat(tf.repeat(raw_images, FACTOR, axis=1), FACTOR, axis=2)


def double_of_neighbours(raw_images):
    """Doubles the sum of each pixel, the row above and the row below; edges are repeated."""
    padded = tf.concat([raw_images[:, :1], raw_images, raw_images[:, -1:]], axis=1)
    return double(padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:])


def in_strips(raw_image, upscale, halo, max_strip_pixels):
    return upscale_in_strips(raw_image, upscale, FACTOR, halo, max_strip_pixels).numpy()


RAW_IMAGE = tf.constant(np.random.default_rng(0).integers(0, 80, (11, 3, 3)), "uint8")
ROW_PIXELS = 3 * FACTOR**2


@pytest.mark.parametrize("rows", [1, 2, 5, 10, 11, 100])
def test_strips_join_to_the_whole(rows):
    expected = double_of_neighbours(RAW_IMAGE[tf.newaxis])[0]
    joined = in_strips(RAW_IMAGE, double_of_neighbours, halo=1, max_strip_pixels=rows * ROW_PIXELS)
    np.testing.assert_array_equal(joined, expected)


def test_without_the_halo_there_would_be_seams():
    expected = double_of_neighbours(RAW_IMAGE[tf.newaxis])[0]
    joined = in_strips(RAW_IMAGE, double_of_neighbours, halo=0, max_strip_pixels=4 * ROW_PIXELS)
    assert not np.array_equal(joined, expected)


def test_a_strip_has_as_many_rows_as_its_pixels_allow_and_at_least_one():
    def heights_for(max_strip_pixels):
        heights = []

        def record(raw_images):
            heights.append(int(raw_images.shape[1]))
            return double(raw_images)

        in_strips(RAW_IMAGE, record, halo=0, max_strip_pixels=max_strip_pixels)
        return heights

    assert heights_for(4 * ROW_PIXELS) == [4, 4, 3]
    assert heights_for(4 * ROW_PIXELS - 1) == [3, 3, 3, 2]
    assert heights_for(1) == [1] * 11
    assert heights_for(11 * ROW_PIXELS) == [11]


def test_one_pixel_is_one_strip():
    raw_image = tf.constant([[[7]]], "uint8")
    assert in_strips(raw_image, double, halo=5, max_strip_pixels=1).tolist() == [[[7], [7]], [[7], [7]]]
