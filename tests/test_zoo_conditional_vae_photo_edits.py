"""Edits at the photo's own size: exact at the model's size, along edges elsewhere, colours by the mask."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.colour.basic_colours import COLOURS
from zoo.conditional_vae.photo_edits import (
    NO_COLOUR,
    SmallEdits,
    carry_change,
    carry_edits,
    find_shade,
    make_small_edits,
)
from zoo.cutout.cutout import ProductMask
from zoo.pictures.resize import squeeze

RED, BLUE = (list(COLOURS).index(name) for name in ("red", "blue"))


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, "uint8")


def half_and_half(height, width, left, right):
    photo = np.empty([height, width, 3], "uint8")
    photo[:, : width // 2], photo[:, width // 2 :] = left, right
    return tf.constant(photo)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_photo_of_the_models_size_becomes_the_edited_picture(channels):
    before, after = noise(16, 16, channels), noise(16, 16, channels)[::-1]
    carried = carry_change(tf.constant(before), tf.constant(before), tf.constant(after / 255.0, tf.float32))
    np.testing.assert_array_equal(carried, after)


def test_an_unchanged_picture_leaves_every_byte_of_the_photo():
    photo = tf.constant(noise(50, 33, 3))
    before = squeeze(photo, 16)
    carried = carry_change(photo, before, tf.cast(before, tf.float32) / 255.0)
    np.testing.assert_array_equal(carried, photo)


def test_a_change_of_all_pixels_alike_keeps_the_photos_detail():
    photo = tf.constant(noise(64, 48, 3) // 2)
    before = squeeze(photo, 16)
    carried = carry_change(photo, before, tf.cast(before, tf.float32) / 255.0 + 0.2)
    difference = carried.numpy().astype(int) - photo.numpy()
    assert difference.min() >= 50
    assert difference.max() <= 52


def test_a_change_of_one_side_ends_at_the_photos_edge():
    photo = half_and_half(160, 160, (60, 60, 60), (200, 200, 200))
    before = squeeze(photo, 16)
    after = half_and_half(16, 16, (160, 60, 60), (200, 200, 200))
    carried = carry_change(photo, before, tf.cast(after, tf.float32) / 255.0).numpy().astype(int)
    beside_the_edge = carried[40:120, [77, 82], 0].mean(axis=0)
    np.testing.assert_allclose(beside_the_edge, [160, 200], atol=10)


def small_edits(photo, after, colour=NO_COLOUR):
    before = squeeze(photo, 16)
    after = tf.fill([16, 16, 3], tf.constant(0.0)) + tf.constant(after) / 255.0
    return SmallEdits(before, after, tf.cast(before, tf.float32) / 255.0, tf.constant(colour))


def test_a_new_colour_is_carried_by_the_mask_alone():
    photo = half_and_half(60, 80, (190, 30, 40), (230, 230, 230))
    opacity = tf.cast(tf.range(80) < 40, tf.float32)[tf.newaxis, :, tf.newaxis] * tf.ones([60, 80, 1])
    edits = small_edits(photo, (30.0, 60.0, 180.0), BLUE)
    carried = carry_edits(photo, edits, lambda: ProductMask.given(opacity)).numpy()
    np.testing.assert_array_equal(carried[:, 40:], photo[:, 40:])
    np.testing.assert_allclose(carried[:, :38].reshape(-1, 3).mean(0), (30, 60, 180), atol=4)


def test_without_a_product_a_colour_is_carried_as_any_change():
    photo = half_and_half(60, 80, (190, 30, 40), (230, 230, 230))
    edits = small_edits(photo, (30.0, 60.0, 180.0), BLUE)
    nothing = ProductMask.given(tf.zeros([60, 80, 1]))
    carried = carry_edits(photo, edits, lambda: nothing)
    np.testing.assert_array_equal(carried, carry_change(photo, edits.before, edits.after))


def test_a_photo_that_keeps_its_colour_is_not_searched_for_a_product():
    photo = half_and_half(60, 80, (190, 30, 40), (230, 230, 230))
    edits = small_edits(photo, (30.0, 60.0, 180.0))
    no_mask = ProductMask.given(tf.fill([60, 80, 1], np.nan))
    np.testing.assert_array_equal(carry_edits(photo, edits, lambda: no_mask), photo)


def test_a_faint_edit_is_moved_to_the_colour_asked_for():
    photo = half_and_half(16, 16, (128, 128, 128), (128, 128, 128))
    faint = tf.fill([16, 16, 3], 0.5) + tf.constant([0.05, 0.0, 0.0])
    red, green, blue = find_shade(photo, faint, tf.ones([16, 16, 1]), RED).numpy().astype(int)
    assert red > max(green, blue) + 60


class Painter:
    """Answers with the number of the colour asked for."""

    channels = 3
    attributes = {"category": ("bag", "hat"), "colour": ("blue", "red")}

    def edit(self, raw_images, stated_ids, wanted_ids):
        value = tf.constant(wanted_ids["category"]) + 10 * wanted_ids["colour"]
        return tf.zeros(tf.shape(raw_images)) + tf.cast(value, tf.float32)[:, None, None, None]


def test_only_a_colour_that_differs_is_a_new_colour():
    stated = {"category": tf.constant([0, 0, 0]), "colour": tf.constant([0, 0, 1])}
    wanted = {"category": tf.constant([1, 0, 1]), "colour": tf.constant([0, 1, 0])}
    edits = make_small_edits(Painter(), tf.zeros([3, 2, 2, 3], tf.uint8), stated, wanted)
    assert edits.colour.numpy().tolist() == [NO_COLOUR, RED, BLUE]
    assert edits.after[:, 0, 0, 0].numpy().tolist() == [1, 10, 1]
    assert edits.after_others[:, 0, 0, 0].numpy().tolist() == [1, 0, 11]


def test_a_photo_whose_attributes_stay_is_not_redrawn():
    stated = {"category": tf.constant([1, 1]), "colour": tf.constant([0, 0])}
    edits = make_small_edits(
        Painter(), tf.zeros([2, 2, 2, 3], tf.uint8), stated, {**stated, "category": [1, 0]}
    )
    assert edits.after[:, 0, 0, 0].numpy().tolist() == [0, 0]
    assert edits.after_others[:, 0, 0, 0].numpy().tolist() == [0, 0]
