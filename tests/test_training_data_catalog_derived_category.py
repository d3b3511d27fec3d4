"""`zoo data build --derive category`: pieces of clothing are named, other things are not."""

from pathlib import Path

import numpy as np
import pytest
from catalog_files import load_shop, write_table
from PIL import Image

import serving.demo
from training.data.catalog import derived
from training.data.catalog.derived import CATEGORY_PRESET, DERIVED
from training.data.catalog.product import Product, find_product
from zoo.attributes.vocabulary import UNLIKE_KNOWN
from zoo.classifier import Classifier

PHOTOS = sorted((Path(serving.demo.__file__).parent / "photos").glob("*.jpg"))
ON_WHITE = Product(np.full([20, 30, 4], 255, "uint8"), 1.0)


def category_of(path):
    """The category that the demo's photos carry in their names, e.g. `02-t-shirt.jpg`."""
    return path.stem.partition("-")[2]


def test_the_demos_photos_are_named():
    judgements = {
        path: DERIVED["category"].judge(find_product(np.asarray(Image.open(path)))) for path in PHOTOS
    }
    is_right = [judgement.value == category_of(path) for path, judgement in judgements.items()]
    assert sum(is_right) >= 9
    assert all(0 < judgement.confidence <= 1 for judgement in judgements.values())


class Tagger:
    """Answers with fixed probabilities."""

    image_size = 16
    attributes = {"category": ("dress", "hat", UNLIKE_KNOWN)}

    def __init__(self, *probabilities):
        self.probabilities = np.array([probabilities], "float32")

    def judge(self, raw_images):
        assert raw_images.shape == (1, 16, 16, 3)
        return {"category": type("Tensor", (), {"numpy": lambda _: self.probabilities})()}


@pytest.mark.parametrize(
    ("probabilities", "value"),
    [((0.1, 0.8, 0.1), "hat"), ((0.3, 0.4, 0.3), ""), ((0.05, 0.05, 0.9), "")],
    ids=["sure", "unsure", "unlike"],
)
def test_what_is_unsure_or_unlike_what_is_known_has_no_category(monkeypatch, probabilities, value):
    monkeypatch.setattr(derived, "_tagger", lambda: Tagger(*probabilities))
    judgement = DERIVED["category"].judge(ON_WHITE)
    assert judgement == (value, pytest.approx(max(probabilities)))


def test_the_values_are_those_of_the_preset_but_one():
    known = Classifier.from_preset(CATEGORY_PRESET).attributes["category"]
    assert set(known) - set(DERIVED["category"].list_values()) == {UNLIKE_KNOWN}


def test_a_shop_without_categories_gets_some(build_shop, tmp_path):
    (tmp_path / "images").mkdir()
    rows = []
    for path in PHOTOS:
        Image.open(path).resize((200, 260)).save(tmp_path / "images" / path.name)
        rows.append({"image": path.name, "price": "1"})
    write_table(tmp_path / "t.csv", rows)
    code, output, error = build_shop("--derive", "category", "--derive", "colour", "--size", "32")
    assert code == 0, error
    assert "Categories: " in output
    assert "Colours: " in output
    assert list(load_shop(tmp_path).attributes) == ["category", "colour"]
