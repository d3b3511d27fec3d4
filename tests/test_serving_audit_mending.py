"""Mending photos for a place: what is asked for is reached, what is right stays, and nothing is invented."""

import csv
import io

import numpy as np
import pytest
from dark_products import dark_square
from PIL import Image
from served_runs import files_in, run_zoo, running_exported

from serving.audit.findings import broken_rules
from serving.audit.measures import measure_photo
from serving.audit.mending import find_fill, find_size, open_mender
from serving.audit.rules import Place, Rule
from serving.audit.run_audit import mask_finder
from serving.client.access import ServerAccess
from serving.pictures.source import open_source


def place(*rules):
    return Place("shop", "Shop", True, (), "2026-11", rules)


@pytest.mark.parametrize(
    ("size", "rules", "expected"),
    [
        ((400, 300), [], (400, 300)),
        ((400, 300), [Rule("longest_side", at_least=1000)], (1000, 750)),
        ((400, 300), [Rule("shortest_side", at_least=500), Rule("width", at_least=500)], (667, 500)),
        ((400, 300), [Rule("width_and_height", at_most=350)], (200, 150)),
        ((2000, 1500), [Rule("longest_side", at_most=1000)], (1000, 750)),
        ((2000, 1000), [Rule("megapixels", at_most=0.5)], (1000, 500)),
        # Four times is the most; advice is worth twice.
        ((100, 100), [Rule("width", at_least=1000)], (400, 400)),
        ((600, 600), [Rule("width", at_least=1000, is_advice=True)], (1000, 1000)),
        ((400, 400), [Rule("width", at_least=1000, is_advice=True)], (400, 400)),
        ((400, 400), [Rule("width", at_least=500), Rule("width", at_least=1000, is_advice=True)], (500, 500)),
        ((600, 400), [Rule("width", at_least=900), Rule("height", at_most=500)], (750, 500)),
    ],
)
def test_sizes_keep_the_ratio_and_the_rules(size, rules, expected):
    assert find_size(*size, place(*rules)) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], 0.85),
        ([Rule("fill", at_least=0.85)], 0.88),
        ([Rule("fill", at_least=0.96)], 0.97),
        ([Rule("fill", at_least=0.75, at_most=0.9, is_advice=True)], 0.825),
        ([Rule("fill", at_most=0.5)], 0.47),
    ],
)
def test_products_fill_what_is_asked_for(rules, expected):
    assert find_fill(place(*rules)) == pytest.approx(expected)


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """Addresses of a server whose model `cutout` takes what is dark for the product."""
    with running_exported(("cutout",), tmp_path_factory) as addresses:
        yield addresses


@pytest.fixture
def mend(addresses):
    """Mends a picture for rules; returns the result, its values and the measures that are wrong still."""

    def run(picture, rules, kind="PNG", name="a.png", **options):
        buffer = io.BytesIO()
        picture.save(buffer, kind, **options)
        with (
            open_source(addresses["grpc"], ServerAccess(), "cutout", None, None, []) as source,
            open_mender(source) as mender,
        ):
            find_mask = mask_finder(source)
            values = measure_photo(buffer.getvalue(), tmp_name(name), find_mask)
            mended = mender.mend(buffer.getvalue(), values, place(*rules))
            after = measure_photo(mended.content, tmp_name("a" + mended.suffix), find_mask)
        result = Image.open(io.BytesIO(mended.content))
        return result, after, [rule.measure for rule in broken_rules(after, place(*rules))]

    return run


def tmp_name(name):
    from pathlib import Path

    return Path(name)


def on(ground, side=200):
    return Image.fromarray(dark_square(side, side, ground=ground))


def test_a_product_on_grey_comes_to_white_in_the_ratio_and_size_that_are_asked_for(mend):
    rules = (
        Rule("format", one_of=("jpeg",)),
        Rule("white_ground", at_least=0.98),
        Rule("fill", at_least=0.85),
        Rule("ratio", equals=0.75),
        Rule("height", at_least=400),
        Rule("dpi", at_least=96),
    )
    result, after, wrong = mend(on((200, 190, 180)), rules)
    assert wrong == []
    assert result.format == "JPEG"
    assert result.width == pytest.approx(0.75 * result.height, abs=1)
    assert after["white_ground"] == 1.0


def test_a_photo_that_is_too_small_is_enlarged_without_being_cut_out(mend):
    picture = on((200, 190, 180))
    result, _, wrong = mend(picture, [Rule("longest_side", at_least=500)])
    assert wrong == []
    assert result.size == (500, 500)
    back = np.asarray(result.resize(picture.size, Image.Resampling.BOX).convert("RGB"), "int16")
    assert np.abs(back - np.asarray(picture, "int16")).mean() < 3


def test_what_cannot_be_reached_is_approached_and_stays_wrong(mend):
    result, _, wrong = mend(on((255, 255, 255), 100), [Rule("longest_side", at_least=500)])
    assert wrong == ["longest_side"]
    assert result.size == (400, 400)


@pytest.mark.parametrize(
    ("kind", "mode", "rule"),
    [
        ("WEBP", "RGB", Rule("format", one_of=("png",))),
        ("BMP", "RGB", Rule("format", one_of=("webp", "jpeg"))),
        ("PNG", "L", Rule("colours", one_of=("rgb",))),
        ("TIFF", "CMYK", Rule("colours", one_of=("rgb",))),
        ("PNG", "I;16", Rule("bits", at_most=8)),
    ],
)
def test_files_are_saved_as_is_asked_for(mend, kind, mode, rule):
    picture = on((255, 255, 255))
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture.convert("L"), "uint16") * 257)
    else:
        picture = picture.convert(mode)
    assert mend(picture, [rule], kind, f"a.{kind.lower()}")[2] == []


def test_a_file_that_is_too_large_becomes_a_smaller_one(mend):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 300, 3), "uint8"))
    _, after, wrong = mend(noise, [Rule("megabytes", at_most=0.1)])
    assert wrong == []
    assert after["format"] == "jpeg"


def test_strong_compression_is_cleaned_before_it_is_saved_again(mend):
    picture = on((230, 230, 230))
    result, after, wrong = mend(picture, [Rule("jpeg_quality", at_least=90)], "JPEG", "a.jpg", quality=20)
    assert wrong == []
    assert after["jpeg_quality"] >= 90
    before = io.BytesIO()
    picture.save(before, "JPEG", quality=20)
    compressed = np.asarray(Image.open(before).convert("RGB"), "float32")
    cleaned, original = (np.asarray(each.convert("RGB"), "float32") for each in (result, picture))
    assert np.square(cleaned - original).mean() < np.square(compressed - original).mean()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop" / "new").mkdir(parents=True)
    large = on((255, 255, 255), 600).crop((130, 130, 470, 470)).resize((1600, 1600))
    large.save("shop/good.jpg", quality=95)
    on((200, 190, 180), 600).save("shop/new/grey.png")
    on((255, 255, 255), 600).crop((250, 130, 470, 470)).resize((600, 600)).save("shop/cut.png")
    return tmp_path / "shop"


def test_the_command_mends_what_it_can_and_leaves_the_photos_alone(capsys, addresses, folder, tmp_path):
    before = {name: (folder / name).read_bytes() for name in files_in(folder)}
    words = ("audit", "shop", "--place", "amazon,zalando", "--fix", "--server", addresses["grpc"])
    code, out, error = run_zoo(capsys, *words)
    assert code == 1
    assert "Mended versions of" in out
    assert "photos do not pass" in error
    assert before == {name: (folder / name).read_bytes() for name in files_in(folder)}
    fixed = files_in(tmp_path / "audit" / "fixed")
    assert "amazon/new/grey.png" in fixed
    assert "zalando/new/grey.jpg" in fixed
    # It keeps the rules of one place, and needs mending for the other alone.
    assert "amazon/good.jpg" not in fixed
    assert "zalando/good.jpg" in fixed
    with (tmp_path / "audit" / "audit.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    of_amazon = {
        row["photo"].removeprefix("shop/"): row["mended"]
        for row in rows
        if row["place"] == "amazon" and row["kind"] == "breach"
    }
    assert of_amazon.keys() == {"new/grey.png", "cut.png"}
    assert of_amazon["new/grey.png"] == "audit/fixed/amazon/new/grey.png"
    assert of_amazon["cut.png"] == "not mended: nothing mends it without inventing; take it again"
    of_zalando = {row["mended"] for row in rows if row["place"] == "zalando" and "cut" in row["photo"]}
    assert "not mended: the product is cut off by a border of the photo; take it again" in of_zalando
    assert not [name for name in fixed if "cut" in name]
    assert "mended" in (tmp_path / "audit" / "audit.html").read_text()


def test_mended_photos_pass_a_second_audit(capsys, addresses, folder):
    words = ("--place", "amazon", "--server", addresses["grpc"])
    run_zoo(capsys, "audit", "shop/new", *words, "--fix")
    code, out, _ = run_zoo(capsys, "audit", "audit/fixed/amazon", *words, "--output", "again")
    assert (code, out.splitlines()[0]) == (
        0,
        "1 of 1 photos pass. Findings: again/audit.csv, again/audit.html",
    )


def test_mending_needs_masks(capsys, folder):
    code, _, error = run_zoo(capsys, "audit", "shop", "--fix", "--no-mask")
    assert code == 2
    assert "Received: one of them with --no-mask." in error
