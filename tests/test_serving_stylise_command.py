"""`zoo stylise`: the same files from everywhere, strengths, kept products, and wrong styles."""

import shutil

import numpy as np
import pytest
from dark_products import dark_square, inside_of
from exported_models import exported
from picture_files import JPEG, PNG, PNGS
from PIL import Image
from served_runs import files_in, run_zoo, running_exported

from serving.pictures.source import _LocalModel
from zoo.pictures.photo import Photo, read_photo

PHOTOS = {"a.png": PNG, "b.jpg": JPEG, "grey.png": PNGS["grey"], "broken.png": b"no picture"}


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    with running_exported(("stylise", "cutout", "srcnn_x2"), tmp_path_factory) as addresses:
        yield addresses


@pytest.fixture
def stylise(capsys, addresses, tmp_path, monkeypatch):
    """Runs the command among photos, of the server over gRPC unless another protocol is named."""
    monkeypatch.chdir(tmp_path)
    for name, content in PHOTOS.items():
        (tmp_path / name).write_bytes(content)
    Image.fromarray(dark_square()).save("square.png")

    def run(*arguments, protocol="grpc"):
        return run_zoo(capsys, "stylise", *arguments, "--server", addresses[protocol])

    return run


def result(tmp_path, name):
    return read_photo((tmp_path / "stylised" / name).read_bytes())


def test_both_protocols_write_the_same_files(stylise, tmp_path):
    written = {}
    for protocol in ("grpc", "rest"):
        code, out, error = stylise(*PHOTOS, "--style", "waves", "--no-provenance", protocol=protocol)
        assert (code, out) == (1, "Wrote 3 of 4 pictures to stylised\n")
        assert error.startswith("broken.png: not an image: begins with 6e 6f 20 70")
        directory = tmp_path / "stylised"
        written[protocol] = {name: (directory / name).read_bytes() for name in files_in(directory)}
        shutil.rmtree(directory)
    assert written["grpc"] == written["rest"]
    assert not Photo.read(written["grpc"]["grey.png"]).is_grey


def test_a_photo_changes_by_its_strength_and_style(stylise, tmp_path):
    pictures = {}
    for style, strength in (("waves", "0"), ("waves", "0.5"), ("waves", "1"), ("dots:1+waves:1", "1")):
        assert stylise("a.png", "--style", style, "--strength", strength, "--overwrite")[0] == 0
        pictures[style, strength] = result(tmp_path, "a.png").astype(int)
    before = read_photo(PNG).astype(int)
    none, half, full, mixed = pictures.values()
    np.testing.assert_array_equal(none, before)
    assert 0 < np.abs(half - before).mean() < np.abs(full - before).mean()
    assert (mixed != full).any()


def test_a_kept_product_is_the_photo_bit_by_bit(stylise, tmp_path):
    assert stylise("square.png", "--style", "waves", "--keep", "product")[0] == 0
    kept, photo = result(tmp_path, "square.png"), dark_square()
    inside = inside_of(photo)
    np.testing.assert_array_equal(kept[inside], photo[inside])
    assert stylise("square.png", "--style", "waves", "--overwrite")[0] == 0
    stylised = result(tmp_path, "square.png")
    assert (stylised[inside] != photo[inside]).any()
    np.testing.assert_array_equal(kept[:8], stylised[:8])


def test_a_kept_product_keeps_its_16_bits(stylise, tmp_path):
    """A model sees 8 bits, and what it does not change must not be rounded."""
    photo = dark_square()[..., 0].astype("uint16") * 257 + 3
    Image.fromarray(photo).save("deep.png")
    assert stylise("deep.png", "--style", "waves", "--keep", "product")[0] == 0
    written = Photo.read((tmp_path / "stylised" / "deep.png").read_bytes())
    inside = inside_of(photo)
    np.testing.assert_array_equal(written.pixels[inside][..., 0], photo[inside])


def test_an_unknown_style_is_refused_before_the_photos(stylise, tmp_path):
    for style in ("fish", "waves:x", ""):
        code, _, error = stylise("a.png", "--style", style)
        assert code == 2
        assert "`style` must be one of dots, waves, or several with their shares" in error
        assert f"Received: '{style}'." in error
    assert not (tmp_path / "stylised").exists()


@pytest.mark.parametrize("strength", ["2", "-0.1", "nan", "much", ""])
def test_a_strength_out_of_range_is_refused(stylise, strength, tmp_path):
    code, _, error = stylise("a.png", "--style", "waves", f"--strength={strength}")
    assert code == 2
    assert "--strength" in error
    assert not (tmp_path / "stylised").exists()


def test_a_model_that_does_not_stylise_is_refused(stylise):
    code, _, error = stylise("a.png", "--style", "waves", "--model", "srcnn_x2")
    assert code == 2
    assert "stylise_png" in error


def test_a_local_model_draws_what_the_server_draws(stylise, tmp_path, monkeypatch):
    from serving.pictures.stylising import Stylising
    from training.trained_model import Source

    assert stylise("a.png", "--style", "waves", "--no-provenance")[0] == 0
    source = Source.__new__(Source)
    object.__setattr__(source, "model", exported("stylise").model)
    converted = Stylising("waves").convert(Photo.read(PNG), _LocalModel(source, "stylise"))
    drawn = converted.results[0].picture.to_srgb().astype(int)
    assert np.abs(drawn - result(tmp_path, "a.png")).max() <= 1
