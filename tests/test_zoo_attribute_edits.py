"""Edits of attributes: what is kept of a picture, and what is wanted while edits are learned."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from attribute_batches import ATTRIBUTES

from zoo.attribute_edits import MAX_NOISE, disturb, draw_wanted_ids, with_detail


def test_detail_by_hand():
    # A pixel changes in one channel, one not at all, one beyond white, one beyond black.
    edited = tf.constant([[[[0.5, 0.2], [0.3, 0.3], [0.9, 0.9], [0.1, 0.1]]]])
    images = tf.constant([[[[0.4, 0.3], [0.6, 0.1], [0.8, 0.9], [0.2, 0.4]]]])
    reconstructed = tf.constant([[[[0.4, 0.2], [0.3, 0.3], [0.5, 0.9], [0.4, 0.4]]]])
    expected = [[0.5, 0.3], [0.6, 0.1], [1.0, 0.9], [0.0, 0.1]]
    np.testing.assert_allclose(with_detail(edited, images, reconstructed)[0, 0], expected, atol=1e-6)


def test_only_some_attributes_may_change():
    ids = {"category": tf.zeros(100, "int32"), "colour": tf.zeros(100, "int32")}
    for draw in (None, tf.random.Generator.from_seed(0).uniform):
        wanted = draw_wanted_ids(ATTRIBUTES, ids, draw, changeable=("colour",))
        assert wanted["category"].numpy().max() == 0
        assert wanted["colour"].numpy().min() == 1


def test_edits_want_another_value_of_one_attribute_of_each_picture():
    generator = tf.random.Generator.from_seed(0)
    ids = {"category": tf.zeros(400, "int32"), "colour": tf.fill([400], -1)}
    for draw in (None, generator.uniform):
        wanted = {name: values.numpy() for name, values in draw_wanted_ids(ATTRIBUTES, ids, draw).items()}
        # Half of the pictures get another category, the others a colour.
        assert ((wanted["category"] != 0) != (wanted["colour"] != -1)).all()
        np.testing.assert_allclose(np.bincount(wanted["category"]) / 400, [1 / 2, 1 / 4, 1 / 4], atol=0.07)
    ids = {"category": tf.zeros(3, "int32")}
    only_value = draw_wanted_ids({"category": ("bag",)}, ids, generator.uniform)
    assert only_value["category"].numpy().max() == 0


def test_disturbed_pictures_are_shifted_covered_and_noisy():
    images = tf.fill([200, 28, 28, 1], 10.0)  # so bright that noise does not hide what is covered
    disturbed = disturb(images, seed=0).numpy()
    np.testing.assert_array_equal(disturbed, disturb(images, seed=0))
    seeds = keras.random.SeedGenerator(0)
    assert np.abs(disturb(images, seeds) - disturb(images, seeds)).max() > 5
    is_covered = disturbed < 5
    assert 0.15 < is_covered.mean() < 0.45
    # Each picture has an amount of noise of its own; their mean square is a third of the largest one's.
    assert np.std(disturbed[~is_covered]) == pytest.approx(MAX_NOISE / np.sqrt(3), rel=0.1)
    amounts = [np.std(picture[picture > 5]) for picture in disturbed]
    assert min(amounts) < 0.1 * MAX_NOISE < 0.9 * MAX_NOISE < max(amounts)
