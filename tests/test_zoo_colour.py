"""Colours: names and numbers in the graph, and OKLab against the values that its author gives."""

import numpy as np
import pytest
import tensorflow as tf

from training.colour import oklab as of_arrays
from zoo.colour.basic_colours import COLOURS, GROUND_COLOURS
from zoo.colour.colour_values import parse_colours
from zoo.colour.oklab import from_oklab, to_oklab


@pytest.mark.parametrize("name", COLOURS)
def test_names_have_their_values(name):
    values, is_colour = parse_colours(tf.constant([name, f" {name.upper()} "]))
    assert values.numpy().tolist() == [list(COLOURS[name])] * 2
    assert is_colour.numpy().all()


@pytest.mark.parametrize(
    ("text", "values"), [("#000000", (0, 0, 0)), ("#FFfF00", (255, 255, 0)), ("#9aBCde", (154, 188, 222))]
)
def test_numbers_have_their_values(text, values):
    assert parse_colours(tf.constant([text]))[0].numpy().tolist() == [list(values)]


@pytest.mark.parametrize(
    "text", ["", "#12345", "#1234567", "#12345g", "123456", "##12345", "rouge", "#１23456"]
)
def test_other_texts_are_no_colours(text):
    values, is_colour = parse_colours(tf.constant([text, "red"]))
    assert is_colour.numpy().tolist() == [False, True]
    assert values.numpy()[0].tolist() == [0, 0, 0]


def test_a_market_places_white_is_pure():
    assert parse_colours(tf.constant(["white"]), GROUND_COLOURS)[0].numpy().tolist() == [[255, 255, 255]]


def test_both_ways_agree_with_each_other_and_with_the_one_for_arrays():
    colours = np.random.default_rng(0).integers(0, 256, [500, 3], dtype="uint8")
    lab = to_oklab(tf.constant(colours))
    np.testing.assert_allclose(lab, of_arrays.to_oklab(of_arrays.to_linear(colours)), atol=1e-4)
    np.testing.assert_allclose(from_oklab(lab), colours, atol=0.2)


def test_colours_out_of_reach_are_clipped():
    assert from_oklab(tf.constant([[1.4, 0.0, 0.0], [-0.2, 0.3, 0.0]])).numpy().min() >= 0.0
    assert from_oklab(tf.constant([[1.4, 0.0, 0.0]])).numpy().round(2).tolist() == [[255.0, 255.0, 255.0]]
