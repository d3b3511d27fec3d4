"""What a command line names: folders, links, places of results."""

import os
from pathlib import Path, PurePath

import pytest
from picture_files import JPEG, PNG

from serving.jobs.walk import find_photos
from zoo.errors import WrongUsageError


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder of photos and other things."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "shop"
    (folder / "shoes" / "old").mkdir(parents=True)
    for name in ("b.JPG", "shoes/a.png", "shoes/old/c.jpeg", "drawing.svg"):
        (folder / name).write_bytes(JPEG)
    (folder / "without_ending").write_bytes(PNG)
    for name in ("notes.txt", ".hidden.jpg", "Thumbs.db", "table.csv"):
        (folder / name).write_text("text")
    return folder


def places(walk):
    return [str(photo.place) for photo in walk.photos]


def test_folders_are_walked_in_depth(shop):
    walk = find_photos([shop], Path("out"))
    assert places(walk) == ["b.JPG", "drawing.svg", "shoes/a.png", "shoes/old/c.jpeg", "without_ending"]
    assert walk.num_passed_over == 2
    assert walk.has_folder


def test_links_to_folders_are_not_followed_and_those_to_files_are(shop, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.jpg").write_bytes(JPEG)
    (shop / "circle").symlink_to(shop)
    (shop / "outside").symlink_to(tmp_path / "other")
    (shop / "linked.jpg").symlink_to(tmp_path / "other" / "x.jpg")
    (shop / "nowhere.jpg").symlink_to(tmp_path / "gone.jpg")
    walk = find_photos([shop], Path("out"))
    assert {path.name for path in walk.linked_folders} == {"circle", "outside"}
    assert {"linked.jpg", "nowhere.jpg"} <= set(places(walk))


def test_results_inside_the_folder_are_no_photos(shop):
    output = shop / "out"
    output.mkdir()
    (output / "b.jpg").write_bytes(JPEG)
    assert not any(place.startswith("out") for place in places(find_photos([shop], output)))


def test_output_must_not_be_the_folder_itself(shop):
    with pytest.raises(WrongUsageError, match="must not be written into the folder that they are made of"):
        find_photos([shop], shop)


def test_nothing_to_convert_is_told(tmp_path):
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(WrongUsageError, match="There must be photos to convert. Received: .*, with none"):
        find_photos([tmp_path], tmp_path / "out")


def test_equal_places_are_told_apart_by_their_folders(tmp_path):
    for name in ("x/s/a.jpg", "y/s/a.jpg", "y/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(JPEG)
    photos = [tmp_path / name for name in ("x/s/a.jpg", "y/s/a.jpg", "y/b.jpg")]
    assert places(find_photos(photos, Path("out"))) == ["b.jpg", "x/s/a.jpg", "y/s/a.jpg"]
    folders = [tmp_path / "x", tmp_path / "y"]
    assert places(find_photos(folders, Path("out"))) == ["x/s/a.jpg", "y/b.jpg", "y/s/a.jpg"]
    assert places(find_photos([tmp_path / "x" / "s", tmp_path / "y" / "s"], Path("out"))) == [
        "x/s/a.jpg",
        "y/s/a.jpg",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every folder")
def test_folders_that_cannot_be_opened_are_told(shop):
    (shop / "shoes").chmod(0)
    try:
        walk = find_photos([shop], Path("out"))
    finally:
        (shop / "shoes").chmod(0o755)
    assert [path.name for path, _ in walk.unreadable_folders] == ["shoes"]


def test_named_pipes_do_not_block(shop):
    os.mkfifo(shop / "pipe")
    assert PurePath("pipe") not in [photo.place for photo in find_photos([shop], Path("out")).photos]
