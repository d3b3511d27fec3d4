"""The survey of a data set: its counts and the photos it keeps."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from training.data.data_sets import DataSet
from training.data_page.survey import SAMPLES_PER_VALUE, UNKNOWN, survey_data_set, to_thumbnail


@dataclasses.dataclass(frozen=True)
class Shop(DataSet):
    """Two pictures of four without a known colour."""

    def read(self, split, with_texts=False):
        assert with_texts
        number = {"train": 40, "validation": 2, "test": 2}[split]
        ids = np.arange(number)
        return tf.data.Dataset.from_tensor_slices(
            {
                "image": np.zeros([number, 30, 20, 3], "uint8"),
                "category": ids % 2,
                "colour": np.where(ids % 4 < 2, -1, ids % 4 - 2),
                "colour_confidence": np.full(number, 0.75, "float32"),
                "price": np.where(ids % 10 == 0, np.nan, ids).astype("float32"),
                "file": [f"{split}/{i}.jpg" for i in ids],
                "description": [f"Number {i}" for i in ids],
            }
        )


@pytest.fixture(scope="module")
def survey():
    shop = Shop(
        name="shop",
        attributes={"category": ("bag", "shoe"), "colour": ("red", "blue")},
        image_shape=(30, 20, 3),
        num_images={"train": 40, "validation": 2, "test": 2},
        source="",
        builder=None,
        tfds_splits={},
        feature_names={},
    )
    return survey_data_set(shop, ["category", "colour"], {"train/3.jpg"})


def test_every_picture_is_counted(survey):
    assert survey.counts["category"]["bag"] == {"train": 20, "validation": 1, "test": 1}
    assert survey.counts["colour"][UNKNOWN] == {"train": 20, "validation": 2, "test": 2}
    assert survey.counts["colour"]["blue"] == {"train": 10}
    assert UNKNOWN not in survey.counts["category"]
    assert survey.sizes == {(30, 20): 44}


def test_few_pictures_are_kept(survey):
    assert {key: len(images) for key, images in survey.samples.items()} == {
        ("category", "bag"): SAMPLES_PER_VALUE,
        ("category", "shoe"): SAMPLES_PER_VALUE,
        ("colour", "red"): 10,
        ("colour", "blue"): 10,
        ("colour", UNKNOWN): SAMPLES_PER_VALUE,
    }
    assert survey.confidences["colour", "red"] == [0.75] * 10
    assert list(survey.pictures) == ["train/3.jpg"]
    assert survey.texts[1] == ("train/1.jpg", "Number 1")


def test_numbers_are_summed_up_without_the_missing_ones(survey):
    price = survey.numbers["price"]
    assert (price.num_values, price.num_missing, price.smallest, price.largest) == (38, 6, 1.0, 39.0)
    # 0 to 39 without 0, 10, 20 and 30, and 1 twice more.
    assert price.total == 780 - 60 + 2


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((8, 8, 1), (96, 96, 1)),
        ((64, 64, 3), (96, 96, 3)),
        ((1, 500, 3), (1, 96, 3)),
        ((400, 300, 1), (96, 72, 1)),
    ],
)
def test_thumbnails(shape, expected):
    thumbnail = to_thumbnail(np.full(shape, 7, "uint8"))
    assert thumbnail.shape == expected
    assert (thumbnail == 7).all()
