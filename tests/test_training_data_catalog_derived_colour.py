"""`zoo data build --derive colour`: colours judged from the photos."""

import itertools

from catalog_files import load_shop, write_photos, write_table
from PIL import Image

from training.data import data_sets
from training.data.catalog import photo as catalog_photo
from training.data.catalog.derived import DERIVED, Judgement
from training.data.catalog.product import Product
from training.data.rendered.builder import render
from training.data.rendered.shapes import SHAPES


def test_derived_colour(build_shop, tmp_path, monkeypatch):
    images = tmp_path / "images"
    images.mkdir()
    rows = []
    for index, (category, colour) in enumerate(itertools.product(SHAPES, ["red", "green", "blue"])):
        Image.fromarray(render(category, colour, "plain", size=96, seed=index)).save(images / f"{index}.png")
        rows.append({"image": f"{index}.png", "category": category})
    write_table(tmp_path / "t.csv", rows)
    code, output, _ = build_shop("--derive", "colour", "--size", "32")
    assert code == 0
    assert "Colours: 6 red, 6 green, 6 blue, 0 unsure." in output
    data_set = load_shop(tmp_path)
    assert list(data_set.attributes) == ["category", "colour"]
    for split in data_sets.SPLITS:
        for element in data_set.read(split, with_texts=True).as_numpy_iterator():
            place = int(element["file"].decode().removesuffix(".png")) % 3
            assert data_set.attributes["colour"][element["colour"]] == ["red", "green", "blue"][place]
            assert 0 < element["colour_confidence"] <= 1


def test_colours_that_are_unsure_are_unknown(build_shop, tmp_path, monkeypatch):
    judgements = itertools.cycle([Judgement("red", 0.9), Judgement("blue", 0.8), Judgement("", 0.1)])
    monkeypatch.setattr(catalog_photo, "find_product", lambda photo, size: Product(None, 1.0))
    monkeypatch.setattr(DERIVED["colour"], "judge", lambda product: next(judgements))
    write_table(tmp_path / "t.csv", write_photos(tmp_path / "images", 30))
    code, output, _ = build_shop("--derive", "colour", "--attributes", "colour", "--size", "8")
    assert code == 0
    assert "Colours: 10 red, 10 blue, 10 unsure." in output
    data_set = load_shop(tmp_path)
    assert data_set.attributes == {"colour": ("red", "blue")}
    assert data_set.report["derived_colour"]["threshold"] == 0.75
    ids = [int(element["colour"]) for split in data_sets.SPLITS for element in data_set.read(split)]
    assert sorted(ids) == [-1] * 10 + [0] * 10 + [1] * 10


def test_colour_is_not_derived_where_there_is_one(build_shop, tmp_path):
    rows = [row | {"colour": "red"} for row in write_photos(tmp_path / "images", 3)]
    write_table(tmp_path / "t.csv", rows)
    assert (
        "only for a table without a colour column. Received: t.csv with a column colour"
        in build_shop("--derive", "colour")[2]
    )
