"""`zoo clean`: the same files from a run, over gRPC and over REST; strengths, and wrong ones."""

import shutil

import numpy as np
import pytest
from picture_files import HEIGHT, JPEG, PNG, PNGS, WIDTH
from served_runs import exported_run, files_in, run_zoo, running_server, trained_run

from zoo.pictures.photo import Photo, read_photo

pytestmark = pytest.mark.slow

PHOTOS = {"a.png": PNG, "b.jpg": JPEG, "grey.png": PNGS["grey"], "broken.png": b"no picture"}


@pytest.fixture(scope="module")
def addresses(make_small_config, tmp_path_factory):
    models_dir = tmp_path_factory.mktemp("models")
    for model, name in (("clean", "clean"), ("srcnn", "srcnn_x2")):
        shutil.copytree(exported_run(model, make_small_config), models_dir / name / "1")
    with running_server(models_dir, tmp_path_factory.mktemp("config")) as addresses:
        yield addresses


@pytest.fixture
def sources(addresses, make_small_config):
    return {
        "run": ("--run", trained_run("clean", make_small_config)),
        "grpc": ("--server", addresses["grpc"]),
        "rest": ("--server", addresses["rest"]),
    }


@pytest.fixture
def clean(capsys, sources, tmp_path, monkeypatch):
    """Runs `zoo clean` among all photos; over gRPC unless a source is named."""
    monkeypatch.chdir(tmp_path)
    for name, content in PHOTOS.items():
        (tmp_path / name).write_bytes(content)

    def run(*arguments, source="grpc"):
        return run_zoo(capsys, "clean", *arguments, *sources[source])

    return run


def test_run_grpc_and_rest_write_the_same_files(clean, sources, tmp_path):
    written = {}
    for source in sources:
        code, out, error = clean(*PHOTOS, "--no-provenance", source=source)
        assert (code, out) == (1, "Wrote 3 of 4 pictures to cleaned\n")
        assert error.startswith("broken.png: not an image: begins with 6e 6f 20 70")
        directory = tmp_path / "cleaned"
        written[source] = {name: (directory / name).read_bytes() for name in files_in(directory)}
        shutil.rmtree(directory)
    assert written["run"] == written["grpc"] == written["rest"]
    shapes = {
        name: read_photo(file).shape[:2] for name, file in written["run"].items() if "failed" not in name
    }
    assert shapes == dict.fromkeys(("a.png", "b.jpg", "grey.png"), (HEIGHT, WIDTH))


def test_grey_stays_grey(clean, tmp_path):
    """Though a network cleans its three channels a little differently."""
    assert clean("grey.png", "--strength", "1")[0] == 0
    before, after = (
        Photo.read(content) for content in (PNGS["grey"], (tmp_path / "cleaned" / "grey.png").read_bytes())
    )
    assert before.is_grey
    assert after.is_grey
    assert (before.pixels != after.pixels).any()


def test_strength_zero_changes_nothing(clean, tmp_path):
    assert clean("a.png", "--strength", "0")[0] == 0
    cleaned = read_photo((tmp_path / "cleaned" / "a.png").read_bytes())
    np.testing.assert_array_equal(cleaned, read_photo(PNG))


@pytest.mark.parametrize("strength", ["2", "-0.1", "nan", "much", ""])
def test_a_strength_that_is_none_is_refused(clean, strength, tmp_path):
    code, _, error = clean("a.png", f"--strength={strength}")
    assert code == 2
    assert f"must be auto, or a number from 0 to 1. Received: {strength!r}." in error
    assert not (tmp_path / "cleaned").exists()


def test_a_model_that_does_not_clean_is_refused(capsys, make_small_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(PNG)
    code, _, error = run_zoo(capsys, "clean", "a.png", "--run", trained_run("srcnn", make_small_config))
    assert code == 2
    assert "clean_png" in error


def test_upscale_cleans_first(clean, capsys, addresses, tmp_path):
    """As the two commands in a row do, but without a file in between."""
    server = ("--server", addresses["grpc"], "--no-provenance")
    for name in ("a.png", "b.jpg"):
        assert run_zoo(capsys, "upscale", name, "--clean", "0.9", *server, "--output", "one")[0] == 0
    assert clean("a.png", "b.jpg", "--strength", "0.9", "--no-provenance", "--format", "png")[0] == 0
    assert run_zoo(capsys, "upscale", "cleaned", *server, "--output", "two")[0] == 0
    first = read_photo((tmp_path / "one" / "a.png").read_bytes())
    np.testing.assert_array_equal(first, read_photo((tmp_path / "two" / "a.png").read_bytes()))
    assert run_zoo(capsys, "upscale", "a.png", *server, "--output", "three")[0] == 0
    assert (first != read_photo((tmp_path / "three" / "a.png").read_bytes())).any()


def test_upscale_says_what_it_takes(clean, capsys, addresses):
    code, _, error = run_zoo(capsys, "upscale", "a.png", "--clean", "on", "--server", addresses["grpc"])
    assert code == 2
    assert "must be auto, off, or a number from 0 to 1. Received: 'on'." in error
