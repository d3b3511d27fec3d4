"""Captions of products: what they say, and that nothing but the seed decides."""

import numpy as np
import pytest
import tensorflow as tf

from training.input.captions import (
    HELD_OUT_PHRASINGS,
    PHRASINGS,
    caption_meanings,
    caption_words,
    make_captions,
    measure_products,
)
from zoo.latent_flow.words import UNKNOWN_WORD, check_words, to_word_ids

ATTRIBUTES = {
    "category": ("dress", "pants", "shoes"),
    "colour": ("black", "red"),
    "material": ("wool", "silk"),
}


def product(height, width, grey, stripes=0):
    """Draws a grey rectangle in the middle of a white square of 64 pixels, with stripes of this depth."""
    picture = np.full((64, 64, 3), 255, "uint8")
    inside = picture[32 - height // 2 : 32 + height // 2, 32 - width // 2 : 32 + width // 2]
    inside[:] = grey
    inside[::4] += np.uint8(stripes)
    inside[1::4] += np.uint8(stripes)
    return picture


def captions(pictures, ids, seed=0, phrasings=PHRASINGS, attributes=ATTRIBUTES):
    columns = {name: tf.constant([row[k] for row in ids]) for k, name in enumerate(attributes)}
    made = make_captions(attributes, tf.constant(np.stack(pictures)), columns, [seed, 1], phrasings)
    return [text.decode() for text in made.numpy()]


def test_captions_name_values_by_any_of_their_words():
    made = set(captions([product(20, 20, 120)] * 200, [(1, 1, -1)] * 200))
    nouns = {word for text in made for word in text.split()} & {"pants", "trousers", "dress", "shoes"}
    assert nouns == {"pants", "trousers"}
    assert any("red" in text or "crimson" in text for text in made)


def test_an_unknown_value_is_not_named():
    texts = captions([product(20, 20, 120)] * 100, [(0, -1, -1)] * 100)
    assert not any(word in text for text in texts for word in ("red", "crimson", "black"))


def test_captions_say_what_the_picture_shows():
    dark_long, light_wide = product(60, 20, 20), product(20, 60, 140, stripes=80)
    texts = captions([dark_long] * 150 + [light_wide] * 150, [(0, 1, -1)] * 300)
    first, second = ({word for text in part for word in text.split()} for part in (texts[:150], texts[150:]))
    assert {"dark", "deep", "long", "slim", "plain"} <= first
    assert {"light", "pale", "wide", "printed", "patterned"} <= second
    assert not {"light", "wide", "printed"} & first
    assert not {"dark", "long", "plain"} & second


def test_black_has_no_shades():
    texts = captions([product(30, 30, 20)] * 100, [(0, 0, -1)] * 100)
    assert not any(word in text for text in texts for word in ("dark", "deep"))


def test_other_attributes_are_named_too():
    assert any("silk" in text for text in captions([product(30, 30, 90)] * 100, [(0, 1, 1)] * 100))


def test_a_seed_gives_the_same_captions_and_another_gives_others():
    pictures, ids = [product(30, 30, 90)] * 50, [(0, 1, 1)] * 50
    assert captions(pictures, ids) == captions(pictures, ids)
    assert captions(pictures, ids) != captions(pictures, ids, seed=1)


@pytest.mark.parametrize("attributes", [ATTRIBUTES, {"kind": ("hat", "shoe")}])
def test_the_vocabulary_holds_every_word_of_every_caption(attributes):
    words = check_words(caption_words(attributes))
    rng = np.random.default_rng(0)
    ids = [[rng.integers(-1, len(values)) for values in attributes.values()] for _ in range(300)]
    pictures = [product(10 * (k % 6) + 4, 30, 30 * (k % 7), 20 * (k % 3)) for k in range(300)]
    texts = captions(pictures, ids, attributes=attributes)
    assert not (to_word_ids(words, tf.constant(texts)).numpy() == UNKNOWN_WORD).any()


def test_held_out_phrasings_differ_from_those_of_training():
    assert not set(HELD_OUT_PHRASINGS) & set(PHRASINGS)
    texts = captions([product(30, 30, 90)] * 20, [(0, 1, 0)] * 20, phrasings=HELD_OUT_PHRASINGS)
    assert all("is there a" in text or "product" in text for text in texts)


def test_meanings_are_of_words_that_mean_one_value_alone():
    meanings = caption_meanings({"category": ("shorts", "t-shirt", "longsleeve")})
    assert meanings["tee"] == ("category", "t-shirt")
    assert meanings["pullover"] == ("category", "longsleeve")
    assert not {"top", "short", "pants"} & set(meanings)


def test_products_are_measured_without_their_ground():
    measured = measure_products(np.stack([product(48, 24, 0), product(24, 48, 200), product(64, 64, 255)]))
    assert measured["{shape}"].numpy().tolist() == [2.0, 0.5, 0.0]
    assert measured["{shade}"].numpy() == pytest.approx([0.0, 0.83, 0.0], abs=0.01)
    assert measured["{pattern}"].numpy()[:2] == pytest.approx([0.0, 0.0], abs=1e-3)
