"""`zoo data build` of a catalogue: the photos it keeps and refuses, its messages and the files it leaves."""

import re

import numpy as np
import pytest
import tensorflow_datasets as tfds
from catalog_files import draw_photo, load_shop, read_quarantine, write_json_lines, write_photos, write_table
from PIL import Image

from training.data import data_sets
from training.data.catalog import builder as catalog_builder
from training.data.catalog.settings import CatalogSettings

EXTRAS = {"price": "9.5", "rating": "", "description": "<b>Neu</b>, \u201eschön\u201c"}


def split_of_files(data_set):
    return {
        element["file"].decode(): split
        for split in data_sets.SPLITS
        for element in data_set.read(split, with_texts=True).as_numpy_iterator()
    }


def test_hostile_catalogue(build_shop, tmp_path):
    images = tmp_path / "images"
    rows = [row | EXTRAS for row in write_photos(images, 30)]
    (images / "cut.png").write_bytes((images / "0.png").read_bytes()[:900])
    (images / "text.png").write_bytes(b"<html>")
    draw_photo(90, 7, 9).save(images / "small.png")
    Image.new("L", (5001, 5000)).save(images / "huge.png")
    (images / "copy.png").write_bytes((images / "1.png").read_bytes())
    (images / "away.png").symlink_to(tmp_path / "t.csv")
    draw_photo(91).save(images / "hat.png")
    draw_photo(92).save(images / "spare.png")
    bad = {
        "none.png": "missing",
        "cut.png": "truncated: ",
        "text.png": "not an image: begins with 3c 68 74 6d",
        "small.png": "smaller than 8 pixels: 7 x 9",
        "huge.png": "larger than 25 megapixels: 5001 x 5000",
        "copy.png": "exact duplicate: of row 3",
        "../t.csv": "outside the image folder: ../t.csv",
        "/etc/passwd": "outside the image folder: /etc/passwd",
        "away.png": "outside the image folder: away.png",
        "=cmd|'/c calc'!A1": "missing",
        "hat.png": "category seen fewer than 2 times: hat",
    }
    rows += [{"image": file, "category": "hat" if file == "hat.png" else "bag"} for file in bad]
    rows += [{"image": "spare.png", "category": " "}, {"image": "spare.png", "category": "bag", "price": "x"}]
    write_table(tmp_path / "t.csv", rows)

    code, output, _ = build_shop("--size", "16", "--min-count", "2")
    assert code == 0
    assert "43 rows read = 30 kept + 13 quarantined (3 outside the image folder, 2 missing, " in output
    refused = read_quarantine(tmp_path / "data/shop/1.0.0/quarantine.csv")
    assert [row for row, _, _ in refused] == list(range(32, 45))
    for (_, file, reason), (expected_file, expected) in zip(refused, bad.items(), strict=False):
        assert file.removeprefix("'") == expected_file
        assert reason.startswith(expected)
    assert refused[9][1] == "'=cmd|'/c calc'!A1"
    assert [reason for _, _, reason in refused[11:]] == [
        "empty attribute: category",
        "not a number: price 'x'",
    ]

    data_set = load_shop(tmp_path)
    assert data_set.attributes == {"category": ("bag", "dress", "shoe")}
    assert data_set.image_shape == (16, 16, 3)
    assert sum(data_set.num_images.values()) == data_set.report["kept"] == 30
    assert data_set.report["rows_read"] == 43
    assert sum(data_set.report["refusals"].values()) == 13
    for element in data_set.read("train", with_texts=True).as_numpy_iterator():
        index = int(element["file"].decode().removesuffix(".png"))
        assert data_set.attributes["category"][element["category"]] == rows[index]["category"]
        assert element["description"].decode() == EXTRAS["description"]
        assert element["price"] == 9.5
        assert np.isnan(element["rating"])
        shown = draw_photo(index).crop((0, 5, 40, 45)).resize((16, 16), Image.Resampling.BICUBIC)
        np.testing.assert_allclose(element["image"], np.asarray(shown, float), atol=3)  # the border
    assert data_set.read("train").element_spec.keys() == {"image", "category"}


def test_strict_leaves_only_the_list(build_shop, tmp_path):
    rows = write_photos(tmp_path / "images", 12)
    write_table(tmp_path / "t.csv", [*rows, {"image": "none.png", "category": "bag"}])
    code, _, errors = build_shop("--strict")
    assert code == 1
    assert errors.count("\n") == 1
    assert "13 rows read = 12 kept + 1 quarantined (1 missing)" in errors
    quarantine = tmp_path / "data/shop.quarantine.csv"
    assert str(quarantine) in errors
    assert read_quarantine(quarantine) == [(14, "none.png", "missing")]
    assert data_sets.find_prepared("shop", tmp_path / "data") is None
    write_table(tmp_path / "t.csv", rows)
    assert build_shop("--strict")[0] == 0
    assert not quarantine.exists()


def test_several_attributes_in_json_lines_with_typos(build_shop, tmp_path):
    rows = [
        row | {"Season": "summer" if i % 2 else "winter"}
        for i, row in enumerate(write_photos(tmp_path / "images", 30))
    ]
    rows[0]["category"], rows[4]["category"], rows[3]["category"] = "Bag", "dress ", "b-a-g"
    write_json_lines(tmp_path / "t.jsonl", rows)
    code, output, _ = build_shop("--attributes", "category,season", "--size", "8", table="t.jsonl")
    assert code == 0
    assert "Likely typos: 'Bag' for 'bag', 'b-a-g' for 'bag', 'dress␣' for 'dress'." in output
    assert "To merge them: --rename Bag=bag --rename b-a-g=bag" in output
    assert load_shop(tmp_path).attributes == {
        "category": ("Bag", "b-a-g", "bag", "dress", "dress␣", "shoe"),
        "season": ("summer", "winter"),
    }
    words = ["--rename", "Bag=bag", "--rename", "b-a-g=bag", "--rename", "dress =dress"]
    code, output, _ = build_shop("--attributes", "category,season", "--overwrite", *words, table="t.jsonl")
    assert code == 0
    assert "typos" not in output
    assert load_shop(tmp_path).attributes["category"] == ("bag", "dress", "shoe")
    assert load_shop(tmp_path).image_shape == (None, None, 3)


def test_near_duplicates_stay_in_one_split(build_shop, tmp_path):
    images = tmp_path / "images"
    rows = [row | {"split": "train"} for row in write_photos(images, 12)]
    for index in range(6):
        draw_photo(index).resize((80, 100)).save(images / f"large{index}.jpg")
        split = ["validation", "test"][index % 2]
        rows.append({"image": f"large{index}.jpg", "category": rows[index]["category"], "split": split})
    for index in range(100, 103):
        draw_photo(index).save(images / f"{index}.png")
        rows.append(
            {"image": f"{index}.png", "category": "bag", "split": ["validation", "test", ""][index % 3]}
        )
    write_table(tmp_path / "t.csv", rows)
    code, output, _ = build_shop()
    assert code == 0
    assert "Near-duplicates: 6 groups, each kept in one split; moved for that: large0.jpg, " in output
    assert "Splits: by the column split; by a hash of the photo where that is empty." in output
    splits = split_of_files(load_shop(tmp_path))
    assert {splits[f"large{index}.jpg"] for index in range(6)} == {"train"}
    assert (splits["100.png"], splits["102.png"]) == ("test", "validation")
    assert load_shop(tmp_path).report["near_duplicate_groups"][0] == ["0.png", "large0.jpg"]


def test_splits_by_hash_stay_when_rows_are_added(build_shop, tmp_path):
    rows = write_photos(tmp_path / "images", 120)
    write_table(tmp_path / "t.csv", rows[:100])
    build_shop("--size", "8", "--validation", "0.2", "--test", "0.2")
    before = split_of_files(load_shop(tmp_path))
    write_table(tmp_path / "t.csv", rows[100:] + rows[:100])
    build_shop("--size", "8", "--validation", "0.2", "--test", "0.2", "--overwrite")
    after = split_of_files(load_shop(tmp_path))
    assert sum(after[file] != split for file, split in before.items()) <= 3
    for category in range(3):
        shown = [after[f"{index}.png"] for index in range(category, 120, 3)]
        assert 3 <= shown.count("test") <= 16


def test_tfds_reads_it(build_shop, tmp_path):
    write_table(tmp_path / "t.csv", write_photos(tmp_path / "images", 30))
    build_shop("--size", "8")
    builder = tfds.builder_from_directory(tmp_path / "data/shop/1.0.0")
    assert builder.info.features["category"].names == ["bag", "dress", "shoe"]
    loaded = tfds.load("shop", data_dir=tmp_path / "data", split="train+validation+test", try_gcs=False)
    assert len(list(loaded)) == 30


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (
            ["--attributes", "colour"],
            1,
            "must be a column of the table. Received: colour, columns image, category",
        ),
        (["--validation", "0"], 2, "above 0 and together below 1.*validation=0.0"),
        (["--test", "0.95"], 2, "validation=0.1, test=0.95"),
        (
            ["--min-size", "51"],
            1,
            r"At least one row must be kept. Received: 12 rows read = 0 kept \+ 12 quarantined",
        ),
        (["--min-count", "5"], 1, r"0 kept \+ 12 quarantined \(12 category seen fewer than 5 times\)"),
        (["--attributes", " , "], 2, "At least one column must be named"),
        (["--rename", "dress"], 2, "A renaming must have the form OLD=NEW. Received: 'dress'"),
        (["--rename", "hat=bag"], 1, "Only values that occur in the table can be renamed. Received: hat"),
        (["--encoding", "klingon"], 2, "must be one that Python knows. Received: 'klingon'"),
        (["--fit", "stretch"], 2, "'stretch' is not one of 'crop', 'pad'"),
        (["--count", "5"], 2, "--count does not apply to shop"),
        (["--size", "5000"], 2, "`size` must be from 1 to 2048. Received: size=5000"),
    ],
)
def test_wrong_use(build_shop, tmp_path, words, code, text):
    write_table(tmp_path / "t.csv", write_photos(tmp_path / "images", 12))
    found, _, errors = build_shop(*words)
    assert found == code
    assert errors.count("\n") == 1
    assert re.search(text, errors)
    assert data_sets.find_prepared("shop", tmp_path / "data") is None


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("My Shop", 2, "lower-case letters, digits and underscores.*Received: 'My Shop'"),
        ("../shop", 2, r"Received: '\.\./shop'"),
        ("downloads", 2, "Received: 'downloads'"),
        ("fashion_mnist", 2, "--table does not apply to fashion_mnist"),
        ("rendered_catalog", 2, "does not apply to rendered_catalog"),
    ],
)
def test_wrong_names(build_shop, tmp_path, name, code, text):
    write_table(tmp_path / "t.csv", write_photos(tmp_path / "images", 3))
    found, _, errors = build_shop(name=name)
    assert found == code
    assert re.search(text, errors)


def test_paths_that_begin_elsewhere_are_explained(build_shop, tmp_path):
    rows = [row | {"image": f"photos/{row['image']}"} for row in write_photos(tmp_path / "images", 3)]
    write_table(tmp_path / "t.csv", rows)
    assert "Paths such as 'photos/0.png' must be relative to the folder given by --images" in build_shop()[2]


def test_existing_name_and_dry_run(build_shop, tmp_path):
    write_table(tmp_path / "t.csv", write_photos(tmp_path / "images", 12))
    code, output, _ = build_shop("--dry-run", "--size", "8")
    assert code == 0
    assert "Would read t.csv (CSV with commas, utf-8): photos in the column image; also category." in output
    assert not (tmp_path / "data").exists()
    assert build_shop()[0] == 0
    code, _, errors = build_shop()
    assert code == 1
    assert "Received: shop, which is already prepared." in errors
    assert "add `--overwrite`" in errors
    with pytest.raises(FileExistsError, match="already prepared.*`--overwrite`"):
        catalog_builder.prepare(
            "shop", tmp_path / "data", CatalogSettings(tmp_path / "images", tmp_path / "t.csv")
        )
