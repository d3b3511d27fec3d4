"""Rendered products: exact attributes, determinism, label order, errors."""

import itertools

import numpy as np
import pytest
import tensorflow_datasets as tfds

from training.data import data_sets
from training.data.rendered import builder as rendered_catalog
from training.data.rendered.drawing import PATTERNS
from training.data.rendered.shapes import SHAPES
from zoo.colour.basic_colours import COLOURS
from zoo.errors import UnknownNameError

# A place of the product that every pose covers and no seam or trim does: x, y in units of the side.
FABRIC_PLACES = {
    "t-shirt": (0.5, 0.5),
    "trouser": (0.58, 0.5),
    "dress": (0.5, 0.62),
    "shoe": (0.5, 0.58),
    "bag": (0.5, 0.76),
    "hat": (0.5, 0.48),
}


def nearest_colour(pixel):
    return min(COLOURS, key=lambda name: np.abs(np.array(COLOURS[name]) - pixel).sum())


def fabric_patch(image, category, half_side=0.06):
    size = len(image)
    x, y = FABRIC_PLACES[category]
    left, top, radius = int(x * size), int(y * size), max(1, int(half_side * size))
    return image[top - radius : top + radius + 1, left - radius : left + radius + 1].astype(int)


@pytest.mark.parametrize(("category", "colour"), list(itertools.product(SHAPES, COLOURS)))
def test_plain_products_have_their_colour(category, colour):
    for seed in range(3):
        image = rendered_catalog.render(category, colour, "plain", size=64, seed=seed)
        assert nearest_colour(np.median(fabric_patch(image, category, 0.03), axis=(0, 1))) == colour


@pytest.mark.parametrize("category", SHAPES)
@pytest.mark.parametrize("pattern", PATTERNS[1:])
def test_patterns_have_two_shades_and_plain_one(category, pattern):
    plain = fabric_patch(rendered_catalog.render(category, "blue", "plain", size=64), category)
    patterned = fabric_patch(rendered_catalog.render(category, "blue", pattern, size=64), category)
    assert patterned.std(axis=(0, 1)).max() > 2 * plain.std(axis=(0, 1)).max()


@pytest.mark.parametrize(("category", "colour"), list(itertools.product(SHAPES, COLOURS)))
def test_products_stand_out_from_the_background(category, colour):
    image = rendered_catalog.render(category, colour, "plain", size=64).astype(int)
    product = np.median(fabric_patch(image, category, 0.03), axis=(0, 1))
    corners = np.stack([image[0, 0], image[0, -1], image[-1, 0], image[-1, -1]])
    assert np.abs(corners - product).max(axis=1).min() > 25


def test_same_arguments_same_picture():
    first = rendered_catalog.render("shoe", "red", "dotted", size=28, seed=4)
    np.testing.assert_array_equal(first, rendered_catalog.render("shoe", "red", "dotted", size=28, seed=4))
    assert (first != rendered_catalog.render("shoe", "red", "dotted", size=28, seed=5)).any()


@pytest.mark.parametrize("size", [8, 28, 47, 48, 100, 256])
def test_any_size(size):
    image = rendered_catalog.render("dress", "green", "checked", size=size)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8


def test_unknown_values():
    with pytest.raises(UnknownNameError, match="Unknown category. Received: 'sock'. Known: t-shirt, trouser"):
        rendered_catalog.render("sock", "red", "plain")
    with pytest.raises(UnknownNameError, match="Unknown colour. Received: 'crimson'. Known: black"):
        rendered_catalog.render("bag", "crimson", "plain")
    with pytest.raises(UnknownNameError, match="Unknown pattern. Received: 'tartan'. Known: plain"):
        rendered_catalog.render("bag", "red", "tartan")


def test_impossible_numbers(tmp_path):
    with pytest.raises(ValueError, match="from 8 to 256 pixels.*size=257. Nearest allowed: 256"):
        rendered_catalog.render("bag", "red", "plain", size=257)
    with pytest.raises(ValueError, match="size=7. Nearest allowed: 8"):
        rendered_catalog.prepare(tmp_path, size=7)
    with pytest.raises(ValueError, match="`count` must be at least 10.*count=9"):
        rendered_catalog.prepare(tmp_path, count=9)
    assert not list(tmp_path.glob("rendered_catalog"))


def test_descriptions():
    assert rendered_catalog.describe("hat", "orange", "dotted") == "A dotted orange hat."
    assert rendered_catalog.describe("trouser", "blue", "plain") == "A pair of plain blue trousers."


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("data")
    rendered_catalog.prepare(data_dir, size=16, count=300, seed=7)
    return data_sets.load_data_set("rendered_catalog", data_dir)


def test_prepared_data_set(prepared):
    assert list(prepared.attributes) == ["category", "colour", "pattern"]
    assert prepared.attributes == rendered_catalog.ATTRIBUTES
    assert prepared.image_shape == (16, 16, 3)
    assert prepared.num_images == {"train": 240, "validation": 30, "test": 30}
    assert "drawings, not photos (300 of 16 pixels, seed 7)" in prepared.source


def test_attributes_of_records_are_those_drawn(prepared):
    records = tfds.as_numpy(prepared.builder.as_dataset(split="test"))
    drawn = {}
    for index in range(270, 300):
        values = rendered_catalog._draw_attributes(7, index)
        random = np.random.default_rng([7, index])
        drawn[rendered_catalog.draw_product(**values, size=16, random=random).tobytes()] = values
    for record in records:
        values = drawn.pop(record["image"].tobytes())
        for name, value in values.items():
            assert prepared.attributes[name][record[name]] == value
        assert record["description"].decode() == rendered_catalog.describe(**values)
    assert not drawn


def test_combinations_are_balanced():
    number = rendered_catalog.NUM_COMBINATIONS
    for begin in (0, number):
        drawn = {tuple(rendered_catalog._draw_attributes(3, begin + i).values()) for i in range(number)}
        assert len(drawn) == number
