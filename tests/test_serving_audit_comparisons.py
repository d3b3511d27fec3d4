"""What an audit finds by comparing photos with each other and with the catalogue's table."""

import csv

import numpy as np
import pytest
from PIL import Image
from served_runs import run_zoo, running_exported

from serving.audit.comparisons import compare_colour, find_copies, read_colours
from training.data.catalog.near_duplicates import look_of
from zoo.errors import WrongUsageError


def product(colour):
    picture = np.full((64, 64, 4), 255, "uint8")
    picture[..., :3] = colour
    picture[:16, :, 3] = 0
    return picture


@pytest.mark.parametrize(
    ("colour", "in_table", "measured"),
    [
        ((190, 30, 40), "red", None),
        ((190, 30, 40), "RED", None),
        ((190, 30, 40), "blue", "red"),
        ((190, 30, 40), "", "red"),
        ((190, 30, 40), "burgundy", None),
        ((128, 128, 130), "gray", None),
    ],
)
def test_colours_are_compared_with_the_table(tmp_path, colour, in_table, measured):
    finding = compare_colour(tmp_path / "a.jpg", product(colour), in_table)
    assert (finding.measured if finding else None) == measured
    if finding:
        assert (finding.kind, finding.required, finding.is_sure) == ("advice", in_table or "none", True)


def textured(seed):
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 9, 3), "uint8")
    return Image.fromarray(coarse).resize((200, 200), Image.Resampling.BICUBIC)


def test_copies_are_those_that_look_like_an_earlier_photo(tmp_path):
    first, other = textured(0), textured(1)
    looks = {
        tmp_path / name: look_of(picture)
        for name, picture in (("c.jpg", first.resize((90, 90))), ("a.jpg", first), ("b.jpg", other))
    }
    (finding,) = find_copies(looks)
    assert (finding.photo, finding.measured) == (tmp_path / "c.jpg", str(tmp_path / "a.jpg"))
    assert find_copies({}) == []


def write_table(path, rows, columns=("image", "colour")):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def test_tables_are_read_by_photo(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "photos" / name).write_bytes(b"")
    table = write_table(tmp_path / "t.csv", [("a.jpg", " red "), ("photos/b.jpg", ""), ("gone.jpg", "blue")])
    found = read_colours(table, tmp_path / "photos")
    assert {path.name: colour for path, colour in found.items()} == {"a.jpg": "red", "b.jpg": ""}


@pytest.mark.parametrize(
    ("columns", "message"),
    [(("photo", "colour"), "a column for the photos"), (("image", "hue"), "one for the colour")],
)
def test_a_table_without_the_columns_is_refused(tmp_path, columns, message):
    table = write_table(tmp_path / "t.csv", [("a.jpg", "red")], columns)
    with pytest.raises(WrongUsageError, match=message):
        read_colours(table, tmp_path)


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    with running_exported(("cutout",), tmp_path_factory) as addresses:
        yield addresses


def test_the_command_names_copies_and_wrong_colours(capsys, addresses, tmp_path, monkeypatch):
    from dark_products import dark_square

    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    square = Image.fromarray(dark_square(600, 600, ground=(255, 255, 255)))
    square.save("shop/a.png")
    square.resize((700, 700)).save("shop/b.png")
    write_table(tmp_path / "t.csv", [("a.png", "yellow"), ("b.png", "yellow")])
    words = ("--place", "shopify", "--table", "t.csv", "--server", addresses["grpc"])
    code, out, _ = run_zoo(capsys, "audit", "shop", *words)
    assert (code, out.partition(".")[0]) == (0, "2 of 2 photos pass")
    with (tmp_path / "audit" / "audit.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["place"]]
    assert {(row["photo"], row["rule"]) for row in rows} == {
        ("shop/b.png", "near-duplicate of another photo"),
        ("shop/a.png", "colour in the table"),
        ("shop/b.png", "colour in the table"),
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("shop", "--table", "t.csv", "--no-mask"), "Received: one of them with --no-mask."),
        (("shop/a.png", "--table", "t.csv"), "--table needs the one folder in which its photos lie."),
        (("shop", "--table", "none.csv"), "does not exist"),
        (("shop", "--table", "shop/a.png"), "`--table` must be a catalogue's table."),
    ],
)
def test_wrong_tables_are_refused(capsys, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    Image.new("RGB", (64, 64), "white").save("shop/a.png")
    write_table(tmp_path / "t.csv", [("a.png", "red")])
    code, _, error = run_zoo(capsys, "audit", *words)
    assert code == 2
    assert message in error
