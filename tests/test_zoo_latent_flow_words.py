"""Descriptions to word ids: spelling, unknown words, contradictions, and any bytes."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import WrongUsageError
from zoo.latent_flow.words import (
    FIRST_WORD,
    MOST_WORDS,
    UNKNOWN_WORD,
    check_words,
    describe_warnings,
    drop_contradictions,
    find_meant,
    split_words,
    to_word_ids,
)

WORDS = ("a", "dress", "in", "red", "t-shirt", "trousers")
MEANINGS = {"dress": ("category", "dress"), "trousers": ("category", "pants"), "red": ("colour", "red")}
ATTRIBUTES = {"category": ("dress", "pants"), "colour": ("blue", "red")}


def ids_of(text):
    (ids,) = to_word_ids(WORDS, tf.constant([text])).numpy().tolist()
    return [value - FIRST_WORD if value >= FIRST_WORD else value - 10 for value in ids if value]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a red dress", [0, 3, 1]),
        ("  A RED,\tDress!! ", [0, 3, 1]),
        ("red t-shirt", [3, 4]),
        ("red - dress", [3, 1]),
        ("-red- dress", [3, 1]),
        ("", []),
        (" ,. - ", []),
        ("a knitted dress", [0, UNKNOWN_WORD - 10, 1]),
        ("فستان أحمر", [UNKNOWN_WORD - 10] * 2),
        (b"\xff\xfe red \x00 dress", [3, 1]),
    ],
)
def test_words_are_found_whatever_their_spelling(text, expected):
    assert ids_of(text) == expected


def test_letters_with_accents_are_kept_and_lowered():
    assert split_words(tf.constant(["Äpfel-Grün Café"])).to_list() == [
        ["äpfel-grün".encode(), "café".encode()]
    ]


def test_ids_have_one_length_and_long_texts_are_cut():
    ids = to_word_ids(WORDS, tf.constant(["", "red " * 5000]))
    assert ids.shape == (2, MOST_WORDS)
    assert np.unique(ids[1]).tolist() == [FIRST_WORD + WORDS.index("red")]


def test_without_a_vocabulary_every_word_is_unknown():
    assert to_word_ids((), tf.constant(["a red"])).numpy()[0, :3].tolist() == [UNKNOWN_WORD] * 2 + [0]


@pytest.mark.parametrize("words", [("red", "red"), ("Red",), ("two words",), ("",), ("red,",), ("-",)])
def test_a_vocabulary_that_descriptions_cannot_contain_is_refused(words):
    with pytest.raises(WrongUsageError, match="`words` must be distinct"):
        check_words(words)


def test_an_attribute_wins_over_words_that_contradict_it():
    texts = tf.constant(["red dress", "red dress", "red trousers"])
    ids = to_word_ids(WORDS, texts)
    asked = {"category": tf.constant([0, -1, 0]), "colour": tf.constant([0, -1, -1])}
    kept, is_dropped = drop_contradictions(WORDS, MEANINGS, ATTRIBUTES, ids, asked)
    assert is_dropped.numpy()[:, :2].tolist() == [[True, False], [False, False], [False, True]]
    assert kept.numpy()[0, :2].tolist() == [UNKNOWN_WORD, FIRST_WORD + WORDS.index("dress")]
    assert [text.decode() for text in describe_warnings(WORDS, texts, is_dropped).numpy()] == [
        "The attribute that is asked for wins over: red.",
        "",
        "The attribute that is asked for wins over: trousers.",
    ]


def test_words_name_values_of_attributes_the_first_of_each():
    texts = tf.constant(["red dress", "a trousers dress", "a", ""])
    meant = find_meant(WORDS, MEANINGS, ATTRIBUTES, to_word_ids(WORDS, texts))
    assert meant["category"].numpy().tolist() == [0, 1, -1, -1]
    assert meant["colour"].numpy().tolist() == [1, -1, -1, -1]


def test_warnings_name_unknown_words_and_what_was_cut():
    texts = tf.constant(["a knitted red robe", "red " * 30, ""])
    nothing = tf.zeros([3, MOST_WORDS], tf.bool)
    assert [text.decode() for text in describe_warnings(WORDS, texts, nothing).numpy()] == [
        "Unknown words: knitted, robe.",
        f"Only the first {MOST_WORDS} words of the description count.",
        "",
    ]
