"""Edits of attributes: the parts of a picture that they keep, and the targets of their training."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from attribute_batches import ATTRIBUTES

from zoo.conditional_vae.edits import MAX_NOISE, disturb, draw_wanted_ids, find_edits, focus_changes


def test_only_pictures_whose_attributes_differ_are_edited():
    ids = {"category": tf.constant([0, 1, 2]), "colour": tf.constant([1, 1, -1])}
    wanted = {"category": np.array([0, 2, 2]), "colour": np.array([1, 1, 0])}
    np.testing.assert_array_equal(find_edits(ids, wanted)[:, 0, 0, 0], [0, 1, 1])


def test_large_changes_are_strengthened_and_small_ones_weakened():
    product, ground = np.zeros([2, 10, 10, 3], "float32"), np.zeros([2, 10, 10, 3], "float32")
    product[0, :, 4:6], ground[0, :, :4] = [-0.9, 0.3, 0.6], 0.0035
    changes = product + ground  # of nothing in the second picture
    focused = focus_changes(changes).numpy()
    np.testing.assert_allclose(focused[0, :, 4:6], changes[0, :, 4:6] / np.sqrt(0.7), rtol=1e-5)
    np.testing.assert_allclose(focused[0, :, :4], changes[0, :, :4] / np.sqrt(120), rtol=1e-5)
    np.testing.assert_array_equal(focused[1], 0)
    np.testing.assert_allclose(focus_changes(changes[:1])[0], focused[0], rtol=1e-6)


def test_no_change_becomes_more_than_a_fifth_larger():
    changes = np.full([1, 10, 10, 1], 0.1, "float32")
    changes[0, 0, 0] = 0.9
    np.testing.assert_allclose(focus_changes(changes)[0, 0, 0], 0.9 * 1.2, rtol=1e-6)


def test_windows_show_the_middle_and_a_quarter_of_some_pictures():
    disturbed = disturb(tf.fill([400, 16, 16, 1], 9.0), keras.random.SeedGenerator(0), is_everywhere=True)
    shown = np.abs(disturbed.numpy()[..., 0]) > 4  # what is hidden has noise alone
    in_both = disturb(tf.fill([400, 16, 16, 1], 9.0), keras.random.SeedGenerator(0)).numpy()[..., 0] > 4
    areas = shown.any(axis=1).sum(axis=1) * shown.any(axis=2).sum(axis=1)
    assert 0.4 < (areas <= 8 * 8).mean() < 0.6
    assert not (shown & ~in_both).any()
    whole = in_both & ~shown
    assert not whole[:, 8, 8].any()


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
