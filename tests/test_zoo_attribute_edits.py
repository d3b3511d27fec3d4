"""Edits of attributes: what is kept of a picture, and what is wanted while edits are learned."""

import numpy as np
import tensorflow as tf
from attribute_batches import ATTRIBUTES

from zoo.attribute_edits import draw_wanted_ids, with_detail


def test_detail_by_hand():
    # One pixel changes in one channel only, one not at all, one beyond white.
    edited = tf.constant([[[[0.5, 0.2], [0.3, 0.3], [0.9, 0.9]]]])
    images = tf.constant([[[[0.4, 0.3], [0.6, 0.1], [1.0, 1.0]]]])
    reconstructed = tf.constant([[[[0.4, 0.2], [0.3, 0.3], [0.9, 0.8]]]])
    kept = np.exp(-1.0)
    expected = [[0.5, 0.2 + kept * 0.1], [0.6, 0.1], [0.9 + kept * 0.1, 0.9 + kept * 0.2]]
    np.testing.assert_allclose(with_detail(edited, images, reconstructed)[0, 0], expected, atol=1e-6)


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
