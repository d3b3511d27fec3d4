"""Folders of photos without a table: which files are used, and for which models."""

import os
import re

import pytest
from catalog_files import draw_photo, load_shop, read_quarantine, write_photos

from training.data.catalog.photo_folder import PhotoFolder
from training.data.catalog.settings import CatalogSettings
from training.recipes.base.registry import RECIPES
from zoo import cli


@pytest.fixture
def folder(tmp_path):
    """Photos of two sizes, one of them in a folder of its own, and what is to be left out."""
    directory = tmp_path / "images"
    write_photos(directory, 9)
    (directory / "more").mkdir()
    draw_photo(20, width=64, height=32).save(directory / "more" / "WIDE.JPG")
    (directory / "LICENSE").write_text("CC0")
    (directory / ".trash").mkdir()
    draw_photo(21).save(directory / ".trash" / "old.png")
    draw_photo(22).save(directory / ".hidden.png")
    (directory / "loop").symlink_to(directory)
    return directory


@pytest.fixture
def build_folder(folder, tmp_path, capsys):
    """Runs `zoo data build shop --images`; returns exit code, output and errors."""

    def run(*words):
        data_dir = str(tmp_path / "data")
        with pytest.raises(SystemExit) as caught:
            cli.main(["data", "build", "shop", "--images", str(folder), "--data-dir", data_dir, *words])
        captured = capsys.readouterr()
        return caught.value.code, captured.out, captured.err

    return run


def test_photos_of_all_folders_come_in_the_order_of_their_paths(folder):
    rows = list(PhotoFolder(folder).read())
    assert [row.cells["file"] for row in rows] == [f"{index}.png" for index in range(9)] + ["more/WIDE.JPG"]
    assert [row.number for row in rows] == list(range(1, 11))


def test_photos_are_known_by_any_ending_or_by_their_content(folder):
    for name in ("a.JFIF", "b.heic", "c.Jpe", "d.mpo", "without"):
        draw_photo(30).save(folder / name, "JPEG")
    (folder / "notes").write_text("text")
    files = {row.cells["file"] for row in PhotoFolder(folder).read()}
    assert {"a.JFIF", "b.heic", "c.Jpe", "d.mpo", "without"} < files
    assert "notes" not in files


def test_a_name_that_is_no_utf_8_is_refused_and_the_build_goes_on(folder, build_folder, tmp_path):
    draw_photo(31).save(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png"))
    code, _, error = build_folder()
    assert code == 0, error
    (path,) = tmp_path.rglob("quarantine.csv")
    ((_, _, reason),) = read_quarantine(path)
    assert reason == "a name that is not UTF-8: rename the file"


def test_a_folder_without_photos_is_told(folder, build_folder):
    for file in (*folder.glob("*.png"), *folder.glob("more/*")):
        file.unlink()
    code, _, error = build_folder()
    assert code == 1
    assert "The folder or its subfolders must contain photos (.apng, .avif, .bmp, " in error
    assert f"Received: {folder} with none. Choose another folder with --images." in error


def test_no_attributes_are_had_without_a_table(build_folder):
    code, _, error = build_folder("--attributes", "")
    assert code == 2
    assert "for super-resolution, which needs no attributes, leave out --table and --attributes." in error


def test_a_folder_becomes_a_data_set_of_pictures_in_original_size(build_folder, tmp_path):
    code, output, _ = build_folder()
    assert code == 0
    assert "Read images (folder without a table).\n10 rows read = 10 kept + 0 quarantined." in output
    data_set = load_shop(tmp_path)
    assert data_set.attributes == {}
    assert data_set.image_shape == (None, None, 3)
    assert sum(data_set.num_images.values()) == 10
    shapes = [e["image"].shape for split in data_set.num_images for e in data_set.read(split)]
    assert sorted(map(tuple, shapes)) == [(32, 64, 3)] + [(50, 40, 3)] * 9


def test_a_file_that_is_no_picture_is_refused_with_a_reason(build_folder, folder, tmp_path):
    (folder / "broken.jpg").write_text("not a picture")
    assert build_folder()[0] == 0
    ((_, file, reason),) = read_quarantine(tmp_path / "data" / "shop" / "1.0.0" / "quarantine.csv")
    assert (file, bool(reason)) == ("broken.jpg", True)


def test_pictures_of_one_size_need_no_table(build_folder, tmp_path):
    assert build_folder("--size", "16")[0] == 0
    assert load_shop(tmp_path).image_shape == (16, 16, 3)


def test_dry_run_says_what_would_be_read(build_folder, tmp_path):
    code, output, _ = build_folder("--dry-run")
    assert code == 0
    assert "Would read images (folder without a table)" in output
    assert not (tmp_path / "data").exists()


def test_options_of_a_table_are_refused_without_one(build_folder):
    code, _, error = build_folder("--attributes", "category")
    assert code == 2
    assert "Attributes, renames and an encoding need a table, which they refer to. Received: none." in error


def test_settings_without_a_table_have_no_attributes():
    assert CatalogSettings(images_dir="photos").attributes == ()
    assert CatalogSettings(images_dir="photos", table="t.csv").attributes == ("category",)
    with pytest.raises(ValueError, match="Name it with --table, or leave out --attributes"):
        CatalogSettings(images_dir="photos", attributes=("category",))


@pytest.mark.parametrize("model", ["dcgan", "conditional_vae"])
def test_models_that_learn_attributes_refuse_pictures_without_any(build_folder, tmp_path, model):
    build_folder("--size", "16")
    message = (
        f"{model} needs a data set with attributes, because it learns how photos depend on them. Received: "
        "dataset=shop, which has none. Build it with a --table, or train srcnn or fsrcnn."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        RECIPES[model].check_data_set(load_shop(tmp_path))
    for enlarger in ("srcnn", "fsrcnn"):
        RECIPES[enlarger].check_data_set(load_shop(tmp_path))
