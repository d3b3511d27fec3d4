"""Tiled enlargement, with functions whose result can be computed by hand."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.pictures.tiles import map_tiles

FACTOR = 2


def double(raw_images):
    return tf.repeat(tf.repeat(raw_images, FACTOR, axis=1), FACTOR, axis=2)


def double_of_neighbours(raw_images):
    """Doubles the sum of each pixel and its four neighbours; edges are repeated."""
    rows = tf.concat([raw_images[:, :1], raw_images, raw_images[:, -1:]], axis=1)
    columns = tf.concat([raw_images[:, :, :1], raw_images, raw_images[:, :, -1:]], axis=2)
    return double(raw_images + rows[:, :-2] + rows[:, 2:] + columns[:, :, :-2] + columns[:, :, 2:])


def in_tiles(raw_image, upscale, halo, max_pixels):
    """Of `max_pixels` of the input each."""
    return map_tiles(raw_image, upscale, FACTOR, halo, max_pixels * FACTOR**2).numpy()


def sides_of_tiles(height, width, max_pixels):
    sides = []

    def record(raw_images):
        sides.append(tuple(int(side) for side in raw_images.shape[1:3]))
        return double(raw_images)

    in_tiles(tf.zeros([height, width, 3], "uint8"), record, halo=0, max_pixels=max_pixels)
    return sides


RAW_IMAGE = tf.constant(np.random.default_rng(0).integers(0, 50, (11, 7, 3)), "uint8")


@pytest.mark.parametrize("max_pixels", [1, 4, 9, 30, 76, 77, 1000])
@pytest.mark.parametrize("shape", [(11, 7), (2, 7), (11, 1), (1, 1)])
def test_tiles_join_to_the_whole(max_pixels, shape):
    raw_image = RAW_IMAGE[: shape[0], : shape[1]]
    expected = double_of_neighbours(raw_image[tf.newaxis])[0]
    joined = in_tiles(raw_image, double_of_neighbours, halo=1, max_pixels=max_pixels)
    np.testing.assert_array_equal(joined, expected)


def test_without_the_halo_there_would_be_seams():
    expected = double_of_neighbours(RAW_IMAGE[tf.newaxis])[0]
    assert not np.array_equal(in_tiles(RAW_IMAGE, double_of_neighbours, halo=0, max_pixels=30), expected)


def test_a_picture_within_the_limit_is_one_tile():
    assert sides_of_tiles(11, 7, max_pixels=77) == [(11, 7)]


@pytest.mark.parametrize(
    ("height", "width", "max_pixels", "expected"),
    [
        (4, 6, 4, [(2, 2)] * 6),
        (2, 100, 16, [(2, 8)] * 13),
        (100, 1, 16, [(15, 1)] * 6 + [(10, 1)]),
        (2, 2, 1, [(1, 1)] * 4),
    ],
)
def test_tiles_are_about_square_and_no_larger_than_allowed(height, width, max_pixels, expected):
    assert sides_of_tiles(height, width, max_pixels) == expected


@pytest.mark.parametrize("shape", [(50, 50), (3, 1000), (1000, 3), (37, 211)])
def test_no_tile_has_more_pixels_than_allowed(shape):
    sides = sides_of_tiles(*shape, max_pixels=64)
    assert max(height * width for height, width in sides) <= 64
    # The last one of a row begins further left.
    num_twice = sum(height * width for height, width in sides) - shape[0] * shape[1]
    assert 0 <= num_twice < shape[0] * max(width for _, width in sides)


def test_one_pixel_is_one_tile():
    raw_image = tf.constant([[[7]]], "uint8")
    assert in_tiles(raw_image, double, halo=5, max_pixels=1).tolist() == [[[7], [7]], [[7], [7]]]
