"""Bicubic resizing against Pillow's, and cropping to the centre square."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.pictures.resize import bicubic, to_square


def random_image(height, width, channels=1, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype="uint8")


@pytest.mark.parametrize(
    ("size", "new_size"),
    [((12, 9), (24, 18)), ((24, 18), (8, 6)), ((33, 21), (11, 7)), ((10, 10), (7, 13)), ((1, 1), (3, 4))],
)
def test_bicubic_is_that_of_pillow(size, new_size):
    image = random_image(*size).astype("float32")
    expected = Image.fromarray(image[..., 0]).resize(new_size[::-1], Image.Resampling.BICUBIC)
    np.testing.assert_allclose(bicubic(image, *new_size)[..., 0], expected, atol=2e-3)


def test_shrinking_is_antialiased():
    # Columns of 0 and 255 in turn: without antialiasing every second column is all that is seen.
    stripes = np.tile(np.array([[0, 255]], "uint8"), (8, 8))[..., None]
    shrunk = bicubic(stripes, 4, 4).numpy()
    np.testing.assert_allclose(shrunk[:, 1:-1], 127.5, atol=20)


def test_bicubic_takes_uint8_batches_and_sizes_that_are_tensors():
    images = np.stack([random_image(6, 4, 3, seed) for seed in range(2)])
    resized = tf.function(lambda height: bicubic(images, 2 * height, 8))(tf.constant(6))
    assert resized.dtype == "float32"
    assert resized.shape == (2, 12, 8, 3)
    np.testing.assert_allclose(resized[1], bicubic(images[1].astype("float32"), 12, 8), atol=1e-4)


def test_the_square_is_cut_out_of_the_middle():
    # Three vertical bands, the middle one square.
    wide = np.concatenate([np.full((6, 6, 3), value, "uint8") for value in (0, 100, 200)], axis=1)
    np.testing.assert_array_equal(to_square(wide, 6), wide[:, 6:12])
    np.testing.assert_array_equal(to_square(wide, 3), np.full((3, 3, 3), 100, "uint8"))
    high = wide.transpose(1, 0, 2)
    np.testing.assert_array_equal(to_square(high, 6), high[6:12])


def test_pictures_of_the_right_size_are_not_touched():
    images = np.stack([random_image(8, 8, 3, seed) for seed in range(3)])
    np.testing.assert_array_equal(to_square(images, 8), images)


def test_a_single_pixel_becomes_a_square_of_its_colour():
    square = to_square(np.array([[[10, 20, 30]]], "uint8"), 5)
    np.testing.assert_array_equal(square, np.broadcast_to([10, 20, 30], (5, 5, 3)))


def test_overshoot_at_an_edge_is_clipped():
    # Bicubic goes beyond 0 and 255 beside an edge: wrapped around it would be bright dots on black.
    halves = np.zeros((8, 8, 1), "uint8")
    halves[:, 4:] = 255
    assert bicubic(halves, 16, 16).numpy().min() < -5
    enlarged = to_square(halves, 16).numpy()
    assert enlarged.dtype == np.uint8
    assert enlarged[:, :6].max() < 10
    assert enlarged[:, -6:].min() > 245


def test_sizes_may_be_unknown_while_tracing_and_the_result_has_a_known_one():
    traced = tf.function(
        lambda raw_images: to_square(raw_images, 8),
        input_signature=[tf.TensorSpec([None, None, None, 3], "uint8")],
    )
    assert traced.get_concrete_function().structured_outputs.shape.as_list() == [None, 8, 8, 3]
    for size in ((8, 8), (9, 20), (31, 5)):
        images = random_image(*size, 3)[None]
        np.testing.assert_array_equal(traced(images), to_square(images, 8))
