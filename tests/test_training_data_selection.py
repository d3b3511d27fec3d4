"""`--only`: training on part of a data set."""

import numpy as np
import pytest

from training.data.selection import open_data_set, select
from training.input.pipeline import make_image_batches
from zoo.errors import UnknownNameError


def values_of(data_set, split, name):
    return [data_set.attributes[name][element[name]] for element in data_set.read(split).as_numpy_iterator()]


def test_other_pictures_are_left_out_and_ids_are_new(small_data_set):
    kept = ("shoe", "bag", "hat", "dress")
    part = select(small_data_set, {"category": kept})
    assert part.attributes["category"] == kept
    assert part.attributes["colour"] == small_data_set.attributes["colour"]
    for split, number in part.num_images.items():
        expected = [value for value in values_of(small_data_set, split, "category") if value in kept]
        assert values_of(part, split, "category") == expected
        assert number == len(expected)


def test_several_attributes_must_all_fit(small_data_set):
    only = {
        "category": small_data_set.attributes["category"][:5],
        "colour": small_data_set.attributes["colour"][:9],
    }
    part = select(small_data_set, only)
    whole = list(small_data_set.read("train").as_numpy_iterator())
    expected = [element for element in whole if element["category"] < 5 and element["colour"] < 9]
    found = list(part.read("train").as_numpy_iterator())
    assert len(found) == len(expected) < len(whole)
    for element, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(element["image"], wanted["image"])


def test_caches_of_parts_are_kept_apart(small_data_set, tmp_path):
    options = {"image_size": 8, "channels": 3, "batch_size": 4, "cache": "disk", "cache_dir": tmp_path}
    kept = small_data_set.attributes["category"][:4]
    for data_set in (small_data_set, select(small_data_set, {"category": kept})):
        batches = make_image_batches(data_set, "train", **options)
        assert sum(len(images) for images, _ in batches) == data_set.num_images["train"]


@pytest.mark.parametrize(
    ("only", "text"),
    [
        ({"season": ["winter"]}, "attribute of rendered_catalog.*season.*category, colour"),
        ({"category": ["boat"]}, "category of rendered_catalog.*boat.*t-shirt"),
    ],
)
def test_unknown_names(small_data_set, only, text):
    with pytest.raises(UnknownNameError, match=text):
        select(small_data_set, only)


def test_nothing_left_of_a_split(small_data_set):
    validation = values_of(small_data_set, "validation", "category")
    absent = next(value for value in small_data_set.attributes["category"] if value not in validation)
    with pytest.raises(ValueError, match=f"category={absent}, which leaves .*validation.* empty"):
        select(small_data_set, {"category": [absent]})


def test_a_part_is_opened_by_name(small_data_dir, small_data_set):
    kept = list(small_data_set.attributes["category"][:4])
    assert open_data_set("rendered_catalog", small_data_dir, {"category": kept}).attributes[
        "category"
    ] == tuple(kept)
    assert open_data_set("rendered_catalog", small_data_dir).num_images == small_data_set.num_images
