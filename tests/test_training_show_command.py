"""`zoo data show`: the page about a data set."""

import csv
import re

import pytest
from PIL import Image

from training.data.rendered.builder import ATTRIBUTES, render
from zoo import cli

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def zoo_data(capsys, tmp_path, monkeypatch):
    """Runs `zoo data ...` in an empty directory; returns exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as exit_info:
            cli.main(["data", *map(str, arguments)])
        captured = capsys.readouterr()
        return exit_info.value.code, captured.out, captured.err

    return run


@pytest.fixture
def shop(tmp_path):
    """A catalogue with a broken file, near-duplicates, a likely typo and HTML everywhere."""
    photos = tmp_path / "photos"
    photos.mkdir()
    rows = []
    for number in range(36):
        category = ("bag", "shoe", SCRIPT)[number % 3]
        colour = list(ATTRIBUTES["colour"])[number % 11]
        shape = category if category in ATTRIBUTES["category"] else "hat"
        image = render(shape, colour, "plain", size=40 + number, seed=number)
        Image.fromarray(image).save(photos / f"{number}.png")
        price = "" if number == 5 else f"{number}.5"
        rows.append([f"{number}.png", category, f"A {colour} <b>{shape}</b> & more", price])
    copy = Image.open(photos / "0.png").resize((64, 64))
    copy.save(photos / "copy.jpg", quality=90)
    rows.append(["copy.jpg", "Bag", "again", "1"])
    (photos / "broken.png").write_bytes(b"no picture")
    rows.append(["broken.png", "bag", "", "1"])
    rows.append(["<i>gone</i>.png", "bag", "", "1"])
    rows.append(["=1+1.png", "bag", "", "1"])
    with open(tmp_path / "catalog.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["image", "category", "description", "price"], *rows])
    return ["--images", photos, "--table", tmp_path / "catalog.csv", "--data-dir", tmp_path / "data"]


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def test_a_built_in_data_set_has_counts_sizes_and_pictures(zoo_data, small_data_dir, tmp_path):
    output = tmp_path / "pages" / "page.html"
    code, out, _ = zoo_data("show", "rendered_catalog", "--data-dir", small_data_dir, "--output", output)
    assert (code, out) == (0, f"Page: {output}\n")
    page = output.read_text(encoding="utf-8")
    text = text_of(page)
    assert "40 pictures: 32 train, 4 validation, 4 test. Pictures from drawings, not photos" in text
    assert "Rendered catalogue: drawn by code, no photos." in text
    assert "The data set&#x27;s pictures are all 16 pixels wide and 16 pixels high." in text
    for name, values in ATTRIBUTES.items():
        assert f"Pictures of each {name}" in text
        assert all(f"<td>{value}</td>" in page for value in values)
    assert page.count("<img ") == len(ATTRIBUTES["category"])
    assert "Some descriptions" in text
    assert "Refused rows" not in text
    assert "--augment" not in text
    # Self-contained.
    assert set(re.findall(r'src="(.{21})', page)) == {"data:image/png;base64"}
    assert "http" not in text


def test_changes_are_shown_beside_the_originals(zoo_data, small_data_dir, tmp_path):
    words = ("show", "rendered_catalog", "--data-dir", small_data_dir)
    assert zoo_data(*words)[0] == 0
    assert zoo_data(*words, "--augment", "flip, colour", "--output", "changed.html")[0] == 0
    page = (tmp_path / "changed.html").read_text(encoding="utf-8")
    assert "Training pictures with --augment flip,colour" in page
    assert page.count("<img ") == (tmp_path / "rendered_catalog.html").read_text().count("<img ") + 1


def test_a_catalogue_has_what_was_refused_and_nothing_in_it_is_taken_for_html(zoo_data, shop, tmp_path):
    assert zoo_data("build", "shop", *shop)[0] == 0
    code, _, _ = zoo_data("show", "shop", "--data-dir", tmp_path / "data")
    assert code == 0
    page = (tmp_path / "shop.html").read_text(encoding="utf-8")
    assert SCRIPT not in page
    for tag in ("<b>", "<i>", "<script"):
        assert tag not in page
    text = text_of(page).replace("&lt;", "<").replace("&gt;", ">")
    for expected in (
        "40 rows read = 37 kept + 3 quarantined",
        "not an image",
        "<i>gone</i>.png missing",
        "Likely typos",
        "--rename",
        f"{SCRIPT} ",
        "<b>hat</b> &amp; more",
        "Near-duplicates: groups of photos that look alike (1)",
        "original size",
        "The kept photos have",
        "shorter side pictures share",
        "price 36 1 0.5 ",
        "32 to 63 pixels",
    ):
        assert expected in text, expected
    assert "No picture of: Bag in" in text


def test_a_missing_quarantine_is_said(zoo_data, shop, tmp_path):
    zoo_data("build", "shop", *shop)
    [path] = tmp_path.rglob("quarantine.csv")
    path.unlink()
    zoo_data("show", "shop", "--data-dir", tmp_path / "data")
    assert f"quarantine.csv is missing from {path.parent}." in (tmp_path / "shop.html").read_text()


def test_a_dry_run_writes_nothing(zoo_data, small_data_dir, tmp_path):
    code, out, _ = zoo_data("show", "rendered_catalog", "--data-dir", small_data_dir, "--dry-run")
    assert (code, out) == (0, "Would write rendered_catalog.html.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_dry", [False, True])
def test_unknown_names_are_answered_with_those_that_exist(zoo_data, tmp_path, is_dry):
    flags = ["--data-dir", tmp_path / "data"] + ["--dry-run"] * is_dry
    code, _, err = zoo_data("show", "shop", *flags)
    message = "Unknown data set. Received: 'shop'. Known: fashion_mnist, rendered_catalog."
    assert (code, err) == (2, f"zoo: error: {message}\n")
    code, _, err = zoo_data("show", "rendered_catalog", "--augment", "roll", *flags)
    assert code == 2
    assert "Unknown augmentation. Received: 'roll'." in err
    assert list(tmp_path.iterdir()) == []


def test_help_has_an_example(zoo_data):
    code, out, _ = zoo_data("show", "--help")
    assert code == 0
    assert "zoo data show fashion_mnist --augment flip,colour" in out
