"""`zoo cutout` and `zoo recolour`: the same files over gRPC and REST, names, sheets, and what is refused."""

import numpy as np
import pytest
from dark_products import dark_square, inside_of
from PIL import Image
from served_runs import files_in, run_zoo, running_exported

from zoo.pictures.photo import read_photo

PHOTO = dark_square()


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """Addresses of a server of `cutout` and `recolour` that take what is dark for the product."""
    with running_exported(("cutout", "recolour"), tmp_path_factory) as addresses:
        yield addresses


@pytest.fixture
def zoo(capsys, addresses, tmp_path, monkeypatch):
    """Runs a command among photos, of the server over gRPC unless a protocol is named."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PHOTO).save("shirt.png")
    Image.fromarray(PHOTO).convert("CMYK").save("cmyk.jpg", quality=95)
    Image.fromarray(PHOTO.astype("uint16")[..., 0] * 257).save("deep.png")
    Image.fromarray(np.full([40, 30, 3], 235, "uint8")).save("nothing.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    photo = np.concatenate([PHOTO, np.full_like(PHOTO[..., :1], 255)], axis=-1)
    photo[:30, :, 3] = 0
    Image.fromarray(photo).save("half.png")
    swatch = np.full([20, 20, 3], (43, 76, 126), "uint8")
    swatch[:4] = 250
    Image.fromarray(swatch).save("swatch.png")

    def run(*arguments, protocol="grpc"):
        return run_zoo(capsys, *arguments, "--server", addresses[protocol])

    return run


def opened(path):
    return np.asarray(Image.open(path))


def test_both_protocols_write_the_same_cut_outs(zoo, tmp_path):
    for protocol in ("grpc", "rest"):
        code, out, err = zoo(
            "cutout", "shirt.png", "cmyk.jpg", "--mask", "--output", protocol, protocol=protocol
        )
        assert (code, err) == (0, "")
        *sure, wrote = out.splitlines()
        assert sorted(line.partition(": sure by ")[0] for line in sure) == ["cmyk.jpg", "shirt.png"]
        assert wrote == f"Wrote 2 of 2 pictures to {protocol}"
    assert files_in(tmp_path / "grpc") == ["cmyk-mask.png", "cmyk.png", "shirt-mask.png", "shirt.png"]
    for name in files_in(tmp_path / "grpc"):
        assert (tmp_path / "grpc" / name).read_bytes() == (tmp_path / "rest" / name).read_bytes()
    result = opened("grpc/shirt.png")
    np.testing.assert_array_equal(result[inside_of(PHOTO, 5)][..., :3], PHOTO[inside_of(PHOTO, 5)])
    np.testing.assert_array_equal(result[..., 3], opened("grpc/shirt-mask.png"))


def test_grounds_sizes_and_kinds_of_files(zoo):
    options = ["--background", "#f4efe6", "--shadow", "soft", "--fill", "0.8", "--size", "200x100"]
    code, _, err = zoo("cutout", "shirt.png", "deep.png", *options, "--format", "jpeg", "--output", "a")
    assert (code, err) == (0, "")
    for name in ("shirt", "deep"):
        result = opened(f"a/{name}.jpg").astype(int)
        assert result.shape == (100, 200, 3)
        assert np.abs(result[2, 2] - (0xF4, 0xEF, 0xE6)).max() <= 2
        assert result[50, 100].max() < 150
    assert zoo("cutout", "shirt.png", "--background", "swatch.png", "--output", "b")[0] == 0
    assert (opened("b/shirt.png")[-1, :] == (43, 76, 126)).all()


def test_a_photos_own_transparency_is_its_mask(zoo):
    assert zoo("cutout", "half.png", "--mask", "--output", "own")[0] == 0
    assert (opened("own/half-mask.png") == np.where(np.arange(80) < 30, 0, 255)[:, None]).all()
    assert zoo("cutout", "half.png", "--ignore-alpha", "--mask", "--output", "found")[0] == 0
    assert opened("found/half-mask.png")[-1].max() == 0


def test_bad_photos_do_not_stop_the_others(zoo, tmp_path):
    code, out, err = zoo("cutout", "nothing.png", "broken.jpg", "shirt.png")
    assert code == 1
    assert out == "shirt.png: sure by 1.00\nWrote 1 of 3 pictures to cutouts\n"
    assert err == "2 photos could not be converted; cutouts/failed.csv lists them."
    listed = (tmp_path / "cutouts" / "failed.csv").read_text()
    assert "nothing.png,No product was found: less than 0.3 % of the photo looks like one." in listed
    assert "broken.jpg,not an image,begins with 6e 6f 20 70" in listed
    assert files_in(tmp_path / "cutouts") == ["failed.csv", "shirt.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--background", "whitish"],
            "A background must be transparent, a colour, or a picture file.",
        ),
        (["--size", "200"], "A size must have the form WIDTHxHEIGHT, in pixels. Received: '200'."),
        (["--size", "0x10"], "A size must have the form WIDTHxHEIGHT"),
        (["--size", "9000x9000"], "at most 25 megapixels. Received: 9000x9000."),
        (["--fill", "1.5"], "`--fill` must be above 0 and at most 1"),
    ],
)
def test_impossible_cut_outs_are_refused(zoo, tmp_path, arguments, message):
    code, _, err = zoo("cutout", "shirt.png", *arguments)
    assert code == 2
    assert message in err
    assert not (tmp_path / "cutouts").exists()


def test_colourways_are_files_and_a_sheet(zoo, tmp_path):
    code, out, err = zoo(
        "recolour", "shirt.png", "--to", "Red", "--to", "swatch.png", "--to", "#00FF00", "--mask"
    )
    assert (code, err) == (0, "")
    assert (
        out.splitlines()[0] == "swatch.png: took #2b4c7e, which covers 80 % of it; the others were left out"
    )
    assert out.splitlines()[1].startswith("shirt.png: sure by ")
    names = ["00ff00", "colourways", "mask", "red", "swatch"]
    assert files_in(tmp_path / "recoloured") == [f"shirt-{name}.png" for name in names]
    for name, colour in (("red", (201, 32, 43)), ("swatch", (43, 76, 126))):
        middle = np.median(opened(f"recoloured/shirt-{name}.png")[inside_of(PHOTO, 5)], axis=(0, 1))
        assert np.abs(middle - colour).max() < 8
        np.testing.assert_array_equal(opened(f"recoloured/shirt-{name}.png")[:10], PHOTO[:10])


def test_both_protocols_recolour_alike(zoo):
    for protocol in ("grpc", "rest"):
        assert zoo("recolour", "cmyk.jpg", "--to", "blue", "--output", protocol, protocol=protocol)[0] == 0
    np.testing.assert_array_equal(opened("grpc/cmyk-blue.jpg"), opened("rest/cmyk-blue.jpg"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing option '--to'"),
        (["--to", "rouge"], "A colour must be a name, #RRGGBB, or a picture file. Received: 'rouge'"),
        (["--to", "broken.jpg"], "A swatch must be a picture. Received: broken.jpg, not an image"),
        (["--to", "red", "--to", "RED"], "Each --to must name another colour. Received: red, red."),
        (["--to", "red", "--from", "#12"], "Received: '#12', which is none of them. Names: black, white,"),
        (["--to", "red", "--strength", "2"], "2.0 is not in the range 0<=x<=1"),
    ],
)
def test_impossible_colours_are_refused(zoo, tmp_path, arguments, message):
    code, _, err = zoo("recolour", "shirt.png", *arguments)
    assert code == 2
    assert message in err
    assert not (tmp_path / "recoloured").exists()


def test_dry_runs_name_the_files(zoo, tmp_path):
    code, out, _ = zoo("recolour", "shirt.png", "--to", "red", "--to", "blue", "--dry-run")
    assert code == 0
    assert out.splitlines() == [f"recoloured/shirt-{name}.png" for name in ("red", "blue", "colourways")]
    assert zoo("cutout", "shirt.png", "--format", "webp", "--dry-run")[1] == "cutouts/shirt.webp\n"
    assert not (tmp_path / "cutouts").exists()


def test_grey_photos_stay_grey_on_grey_grounds(zoo):
    Image.fromarray(PHOTO).convert("L").save("grey.png")
    assert zoo("cutout", "grey.png", "--background", "white")[0] == 0
    assert zoo("cutout", "grey.png", "--background", "red", "--output", "red")[0] == 0
    assert opened("cutouts/grey.png").ndim == 2
    assert opened("red/grey.png").shape[-1] == 3


def test_jpeg_gives_way_to_png_where_the_result_is_transparent(zoo, tmp_path):
    assert zoo("cutout", "cmyk.jpg", "--format", "jpeg")[0] == 0
    assert zoo("cutout", "cmyk.jpg", "--background", "white", "--output", "white")[0] == 0
    assert files_in(tmp_path / "cutouts") == ["cmyk.png"]
    assert files_in(tmp_path / "white") == ["cmyk.jpg"]


def test_webp_keeps_transparency(zoo):
    assert zoo("cutout", "shirt.png", "--format", "webp")[0] == 0
    with open("cutouts/shirt.webp", "rb") as file:
        assert read_photo(file.read()).shape == (80, 60, 4)
