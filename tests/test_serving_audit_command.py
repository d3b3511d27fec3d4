"""`zoo audit`: findings, exit codes, the table and the page, and wrong usage."""

import csv

import numpy as np
import pytest
from dark_products import dark_square
from PIL import Image
from served_runs import files_in, run_zoo, running_exported


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """Addresses of a server whose model `cutout` takes what is dark for the product."""
    with running_exported(("cutout", "srcnn_x2"), tmp_path_factory) as addresses:
        yield addresses


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop" / "new").mkdir(parents=True)
    square = Image.fromarray(dark_square(600, 600, ground=(255, 255, 255)))
    large = square.crop((130, 130, 470, 470)).resize((1600, 1600))
    large.save("shop/good.jpg", quality=95)
    square.save("shop/new/small-product.png")
    Image.fromarray(dark_square(600, 600, ground=(200, 190, 180))).save("shop/grey.png")
    square.resize((300, 300)).save("shop/=tiny.webp")
    (tmp_path / "shop" / "broken.jpg").write_bytes(b"no photo")
    return tmp_path / "shop"


def rows_of(path):
    with (path / "audit.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_findings_by_photo_and_rule(capsys, addresses, folder, tmp_path):
    code, out, error = run_zoo(capsys, "audit", "shop", "--place", "amazon", "--server", addresses["grpc"])
    assert code == 1
    assert out == "1 of 5 photos pass. Findings: audit/audit.csv, audit/audit.html\n"
    assert error == "4 photos do not pass; audit/audit.csv says why"
    rows = rows_of(tmp_path / "audit")
    breaches = {
        (row["photo"].removeprefix("shop/"), row["rule"]): (row["measured"], row["required"])
        for row in rows
        if row["kind"] == "breach"
    }
    title = "how much of the frame's longer side the product takes"
    assert breaches["new/small-product.png", title][0].startswith("0.5")
    assert breaches["grey.png", "share of the ground that is white"] == ("0", "at least 0.98")
    assert breaches["=tiny.webp", "format, by content"] == ("webp", "jpeg, tiff, png, gif")
    assert breaches["=tiny.webp", "longest side"] == ("300 px", "at least 500, at most 10,000 px")
    assert not [key for key in breaches if key[0] == "good.jpg"]
    (unreadable,) = (row for row in rows if row["kind"] == "unreadable")
    assert unreadable["photo"] == "shop/broken.jpg"
    assert unreadable["measured"].startswith("not an image")


def test_the_page_has_counts_filters_and_thumbnails(capsys, addresses, folder, tmp_path):
    run_zoo(capsys, "audit", "shop", "--server", addresses["rest"], "--output", "page")
    page = (tmp_path / "page" / "audit.html").read_text()
    assert "<p>5 photos: " in page
    assert '<select name="place">' in page
    assert "data:image/jpeg;base64," in page
    assert "Not checked: text, logos and watermarks" in page
    assert "pages of others: check before you rely on it" in page
    assert "http" not in page.partition("<h2>Findings</h2>")[2]


def test_without_masks_no_model_is_needed(capsys, folder, tmp_path):
    code, out, _ = run_zoo(capsys, "audit", "shop/good.jpg", "--place", "shopify,vtex", "--no-mask")
    assert (code, out) == (0, "1 of 1 photos pass. Findings: audit/audit.csv, audit/audit.html\n")
    assert "whatever needs the product" in (tmp_path / "audit" / "audit.html").read_text()


def test_names_do_not_become_html(capsys, folder, tmp_path):
    Image.new("RGB", (9, 9)).save("shop/<b>bold.png")
    run_zoo(capsys, "audit", "shop", "--place", "ebay", "--no-mask")
    assert "<b>bold" not in (tmp_path / "audit" / "audit.html").read_text()


def test_photos_stay_as_they_are(capsys, folder):
    before = {name: (folder / name).read_bytes() for name in files_in(folder)}
    run_zoo(capsys, "audit", "shop", "--no-mask")
    assert before == {name: (folder / name).read_bytes() for name in files_in(folder)}


def test_a_dry_run_lists_the_rules(capsys, folder, tmp_path):
    code, out, _ = run_zoo(capsys, "audit", "shop", "--place", "zalando", "--dry-run")
    assert code == 0
    assert "zalando: width: at least 762\n" in out
    assert "zalando: advice: width: at least 1,801\n" in out
    assert not (tmp_path / "audit").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--place", "amazn"], "Unknown place. Received: 'amazn'."),
        (["--place", ""], "Unknown place. Received: ''."),
        (["--rules", "shop/broken.jpg"], "A file of rules must be as serving/audit/rules.json is."),
        (["--output", "shop"], "Results must not be written into the folder that they are made of."),
    ],
)
def test_wrong_usage(capsys, folder, tmp_path, arguments, message):
    code, _, error = run_zoo(capsys, "audit", "shop", "--no-mask", *arguments)
    assert code == 2
    assert message in error
    assert not (tmp_path / "audit").exists()


def test_a_model_that_finds_no_products_is_refused(capsys, folder, addresses):
    server = ("--server", addresses["grpc"], "--model", "srcnn_x2")
    code, _, error = run_zoo(capsys, "audit", "shop", *server)
    assert code == 2
    assert "cutout_png" in error


def test_any_number_of_photos(capsys, folder, tmp_path):
    for index in range(40):
        Image.fromarray(np.full([20, 20, 3], index, "uint8")).save(folder / f"{index}.png")
    code, out, _ = run_zoo(capsys, "audit", "shop", "--place", "ebay", "--no-mask")
    assert code == 1
    assert out.startswith("3 of 45 photos pass.")
