"""The vocabulary of attributes and its one-hot encoding."""

import re

import numpy as np
import pytest
import tensorflow as tf

from zoo.attributes.vocabulary import check_attributes, num_conditions, one_hot_conditions, split_conditions

ATTRIBUTES = {"category": ("bag", "shoe", "hat"), "colour": ("red", "blue")}


def test_a_vocabulary_of_lists_becomes_one_of_tuples_in_the_same_order():
    given = {"colour": ["red", "blue"], "category": ["shoe", "bag"]}
    checked = check_attributes(given)
    assert list(checked.items()) == [("colour", ("red", "blue")), ("category", ("shoe", "bag"))]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, "A conditional model must have at least one attribute. Received: attributes={}."),
        ({"category": []}, "An attribute's values must be a list of at least one"),
        ({"category": "bag"}, "Received: category='bag'. List its values, or leave the attribute out."),
        (
            {"colour": ["red", "red", "blue"]},
            "because clients select them by name. Received: colour=['red', 'red', 'blue']. Rename or merge",
        ),
        ({"colour": ["red", ""]}, "must be distinct and not empty"),
    ],
)
def test_a_vocabulary_that_cannot_condition_a_model_is_refused(attributes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_attributes(attributes)


def test_one_hot_vectors_stand_side_by_side_in_the_order_of_the_vocabulary():
    # The ids come in another order than the vocabulary.
    conditions = one_hot_conditions(
        ATTRIBUTES, {"colour": tf.constant([1, 0]), "category": tf.constant([2, 0])}
    )
    assert conditions.dtype == tf.float32
    np.testing.assert_array_equal(conditions, [[0, 0, 1, 0, 1], [1, 0, 0, 1, 0]])
    assert num_conditions(ATTRIBUTES) == 5


def test_an_attribute_that_is_unknown_is_all_zeros():
    conditions = one_hot_conditions(ATTRIBUTES, {"category": tf.constant([-1]), "colour": tf.constant([1])})
    np.testing.assert_array_equal(conditions, [[0, 0, 0, 0, 1]])


def test_splitting_undoes_what_was_put_side_by_side():
    ids = {"category": np.array([2, 0, 1]), "colour": np.array([0, 1, 1])}
    parts = split_conditions(ATTRIBUTES, one_hot_conditions(ATTRIBUTES, ids))
    assert list(parts) == ["category", "colour"]
    for name, part in parts.items():
        assert part.shape == (3, len(ATTRIBUTES[name]))
        np.testing.assert_array_equal(np.argmax(part, axis=-1), ids[name])


def test_a_missing_attribute_is_named():
    message = "the model was built with must be given. Received: ['category']. Add: colour."
    with pytest.raises(ValueError, match=re.escape(message)):
        one_hot_conditions(ATTRIBUTES, {"category": tf.constant([0])})
