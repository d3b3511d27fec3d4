"""Logit adjustment by the shares of attribute values, and training on unbalanced ones."""

import numpy as np
import tensorflow as tf

from zoo.conditional_vae.value_shares import SMALLEST_SHARE, ValueShares

ATTRIBUTES = {"category": ("bag", "shoe"), "colour": ("red", "green", "blue")}


def test_shares_follow_what_is_known():
    shares = ValueShares(ATTRIBUTES)
    np.testing.assert_allclose(shares.shares, [1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3], rtol=1e-6)
    shares.update({"category": tf.constant([0, 0, 1, 0]), "colour": tf.constant([-1, -1, -1, -1])}, 0.5)
    np.testing.assert_allclose(shares.shares, [5 / 8, 3 / 8, 1 / 3, 1 / 3, 1 / 3], rtol=1e-6)
    shares.update({"category": tf.constant([-1, 1]), "colour": tf.constant([2, 1])}, 0.0)
    np.testing.assert_allclose(shares.shares, [0, 1, 0, 1 / 2, 1 / 2], atol=1e-6)


def test_the_log_of_the_shares_is_added():
    shares = ValueShares(ATTRIBUTES)
    shares.shares.assign([0.25, 0.75, 0.0, 1.0, 0.0])
    logits = np.array([[1.0, 2.0, 3.0, 4.0, 5.0]], "float32")
    smallest = np.log(SMALLEST_SHARE)
    expected = logits + [[np.log(0.25), np.log(0.75), smallest, 0.0, smallest]]
    np.testing.assert_allclose(shares(logits), expected, rtol=1e-6)


def test_what_is_trained_with_shares_judges_without_a_liking_for_the_frequent():
    # Nothing tells the values apart; nine in ten are bags.
    ids = {"category": tf.constant([0] * 9 + [1])}
    attributes = {"category": ATTRIBUTES["category"]}
    judged = {}
    for is_balanced in (False, True):
        shares, logits = ValueShares(attributes), tf.Variable([[0.0, 0.0]])
        shares.update(ids, 0.0)
        for _ in range(200):
            with tf.GradientTape() as tape:
                values = tf.tile(logits, [10, 1])
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    ids["category"], shares(values) if is_balanced else values
                )
                loss = tf.reduce_mean(losses)
            logits.assign_sub(tape.gradient(loss, logits))
        judged[is_balanced] = tf.nn.softmax(logits).numpy()[0]
    np.testing.assert_allclose(judged[False], [0.9, 0.1], atol=0.01)
    np.testing.assert_allclose(judged[True], [0.5, 0.5], atol=0.01)
