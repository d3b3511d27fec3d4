"""Pairs of values that are kept out of training."""

import numpy as np
import tensorflow as tf

from training.input.unseen_pairs import replace_unseen, unseen_pairs

ATTRIBUTES = {"category": tuple("abcdefghij"), "colour": tuple("klmnopqrst")}


def test_about_the_share_is_kept_out_and_a_larger_one_adds_to_a_smaller():
    small, large = unseen_pairs(ATTRIBUTES, 0.15), unseen_pairs(ATTRIBUTES, 0.4)
    assert 5 <= small.sum() <= 30
    assert (large | ~small).all()
    assert not unseen_pairs(ATTRIBUTES, 0.0).any()
    assert unseen_pairs({"category": ("a", "b")}, 0.5).shape == (2, 1)


def batch(first, second):
    images = np.arange(len(first), dtype="uint8")[:, None, None, None]
    return tf.constant(images), {"category": tf.constant(first), "colour": tf.constant(second)}


def test_rows_with_unseen_pairs_become_other_rows_of_the_batch():
    table = unseen_pairs(ATTRIBUTES, 0.15)
    (bad, colour), (good, other) = np.argwhere(table)[0], np.argwhere(~table)[5]
    images, columns = replace_unseen(
        ATTRIBUTES, 0.15, *batch([good, bad, -1, bad], [other, colour, 3, colour])
    )
    assert images.numpy().ravel().tolist() == [0, 2, 2, 2]
    assert columns["category"].numpy().tolist() == [good, -1, -1, -1]


def test_without_a_share_and_with_unseen_pairs_alone_batches_stay_as_they_are():
    bad, colour = np.argwhere(unseen_pairs(ATTRIBUTES, 0.15))[0]
    for share, first, second in ((0.0, [bad], [colour]), (0.15, [bad, bad], [colour, colour])):
        images, _ = replace_unseen(ATTRIBUTES, share, *batch(first, second))
        assert len(images) == len(first)
