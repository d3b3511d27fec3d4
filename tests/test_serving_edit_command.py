"""`zoo edit`: the same files from a run, over gRPC and over REST; bad photos among good ones."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from exported_models import from_png, random_pictures, to_png
from free_ports import free_port
from picture_files import JPEG, PICTURE, PNG, saved
from served_runs import exported_run, files_in, run_zoo, running_server, trained_run

import zoo
from serving.client.connection import connect
from zoo.cutout import PRESET
from zoo.pictures.photo import read_photo

# A checksum that is wrong is found by the decoder only, and fails its run.
DAMAGED = PNG[:60] + bytes([PNG[60] ^ 1]) + PNG[61:]
PHOTOS = {
    "a.png": PNG,
    "b.jpg": JPEG,
    "small.PNG": saved(PICTURE.resize((3, 5)), "PNG"),
    "garbage.png": b"no picture",
    "empty.jpg": b"",
    "cut.png": PNG[:-20],
    "damaged.png": DAMAGED,
}


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def addresses(make_small_config, tmp_path_factory):
    models_dir = exported_run("conditional_vae", make_small_config).parents[1]
    with running_server(models_dir, tmp_path_factory.mktemp("config")) as addresses:
        yield addresses


@pytest.fixture
def sources(addresses, make_small_config):
    return {
        "run": ("--run", trained_run("conditional_vae", make_small_config)),
        "grpc": ("--server", addresses["grpc"]),
        "rest": ("--server", addresses["rest"]),
    }


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Writes all photos into the current directory."""
    monkeypatch.chdir(tmp_path)
    for name, content in PHOTOS.items():
        (tmp_path / name).write_bytes(content)


@pytest.fixture
def edit(capsys, sources, photos):
    """Runs `zoo edit`; of the server over gRPC unless a source is named."""

    def run(*arguments, source="grpc"):
        source = sources[source] if isinstance(source, str) else source
        return run_zoo(capsys, "edit", *arguments, *source)

    return run


def contents(directory):
    return {name: (directory / name).read_bytes() for name in files_in(directory)}


def test_run_grpc_and_rest_write_the_same_files(edit, sources, tmp_path):
    """The run is asked once, with every kind of photo: each call compiles the model anew."""
    written, errors = {}, {}
    for source in sources:
        code, out, errors[source] = edit(
            *PHOTOS, "--target-category", "bag", "--no-provenance", source=source
        )
        assert (code, out) == (1, "Wrote 3 of 7 pictures to edited\n")
        written[source] = contents(tmp_path / "edited")
        shutil.rmtree(tmp_path / "edited")
    assert list(written["run"]) == ["a.png", "b.jpg", "failed.csv", "small.PNG"]
    assert written["run"] == written["grpc"] == written["rest"]
    listed = written["run"].pop("failed.csv").decode()
    shapes = [read_photo(file).shape[:2] for file in written["run"].values()]
    assert shapes == [(PICTURE.height, PICTURE.width)] * 2 + [(5, 3)]
    assert set(errors.values()) == {"4 photos could not be converted; edited/failed.csv lists them."}
    assert listed.splitlines() == [
        "photo,reason,detail",
        "cut.png,truncated,its end is missing",
        "damaged.png,damaged,the checksum of its IDAT chunk is wrong",
        "empty.jpg,not an image,the file is empty",
        "garbage.png,not an image,begins with 6e 6f 20 70",
    ]


def test_files_are_what_the_model_answers(edit, addresses, tmp_path):
    options = ["--category", "hat", "--target-category=bag", "--target-colour", "red"]
    assert edit("a.png", "b.jpg", *options, "--output", "new/red") == (
        0,
        "Wrote 2 of 2 pictures to new/red\n",
        "",
    )
    stated = {"category": ["hat"], "colour": [""], "pattern": [""]}
    wanted = {"target_category": ["bag"], "target_colour": ["red"], "target_pattern": [""]}
    with connect(addresses["grpc"]) as client:
        inputs = {"image_bytes": [PNG], **stated, **wanted}
        answer = client.predict("conditional_vae", inputs, "edit_png")["image_bytes"][0]
        written = (tmp_path / "new" / "red" / "a.png").read_bytes()
        np.testing.assert_array_equal(from_png(written), from_png(answer))
    assert (tmp_path / "new" / "red" / "b.jpg").exists()


def test_a_preset_edits_as_its_run_and_lists_the_values_it_knows(
    edit, presets_dir, sources, small_data_set, tmp_path
):
    # Finds the products that get another colour.
    shutil.copytree(Path(zoo.__file__).parent / "preset_files" / PRESET, presets_dir / PRESET)
    written = []
    for source in (sources["run"], ("--preset", "tiny_cvae")):
        words = ("--target-category", "bag", "--overwrite", "--no-provenance")
        assert edit("a.png", *words, source=source)[0] == 0
        written.append(contents(tmp_path / "edited"))
    assert written[0] == written[1]
    code, _, error = edit(
        "a.png", "--target-category", "sock", "--overwrite", source=("--preset", "tiny_cvae")
    )
    assert code == 2
    assert error.endswith(f"Received: 'sock'. Known: {', '.join(small_data_set.attributes['category'])}.")


def test_targets_change_the_picture(edit, tmp_path):
    pictures = []
    for target in ("bag", "hat"):
        assert edit("a.png", "--target-category", target, "--overwrite")[0] == 0
        pictures.append(from_png((tmp_path / "edited" / "a.png").read_bytes()).astype(int))
    assert np.abs(pictures[0] - pictures[1]).max() > 0


@pytest.mark.parametrize("shown_and_wanted", [("sock", "bag"), ("bag", "sock")])
@pytest.mark.parametrize("source", ["grpc", "rest"])
def test_unknown_category_is_wrong_usage_and_lists_the_known_ones(
    edit, small_data_set, tmp_path, shown_and_wanted, source
):
    shown, wanted = shown_and_wanted
    code, out, error = edit("a.png", "b.jpg", "--category", shown, "--target-category", wanted, source=source)
    known = ", ".join(small_data_set.attributes["category"])
    assert (code, out) == (2, "")
    assert error == f"Unknown category. Received: 'sock'. Known: {known}."
    assert not (tmp_path / "edited").exists()


@pytest.mark.parametrize("options", [[], ["--category", "bag"], ["--target-category", ""]])
def test_an_edit_that_changes_nothing_is_wrong_usage(edit, tmp_path, options):
    code, out, error = edit("a.png", *options)
    assert (code, out) == (2, "")
    assert error == (
        "Name what to change by at least one of: --target-category, --target-colour, --target-pattern. "
        "Received: none of them."
    )
    assert not (tmp_path / "edited").exists()


def test_unknown_option_is_wrong_usage_and_lists_the_attributes(edit, tmp_path):
    code, _, error = edit("a.png", "--seed", "3")
    assert code == 2
    assert error == (
        "Unknown option. Received: '--seed'. Known: --category, --colour, --pattern, "
        "--target-category, --target-colour, --target-pattern."
    )
    assert not (tmp_path / "edited").exists()


WRONG_PHOTOS = {
    "none": ([], "Missing argument 'PHOTO...'"),
    "missing": (["a.png", "no-such.png"], "Path 'no-such.png' does not exist."),
    "an empty directory": (
        ["other/empty"],
        "There must be photos to convert. Received: other/empty, with none",
    ),
    "replaced": (["a.png", "--output", "."], "A result must not replace a photo. Received: a.png."),
}


@pytest.mark.parametrize("key", WRONG_PHOTOS)
def test_photos_that_cannot_be_taken_are_wrong_usage(edit, tmp_path, key):
    arguments, message = WRONG_PHOTOS[key]
    (tmp_path / "other" / "empty").mkdir(parents=True)
    code, out, error = edit(*arguments, "--target-category", "bag")
    assert (code, out) == (2, "")
    assert message in error
    assert not (tmp_path / "edited").exists()
    assert (tmp_path / "a.png").read_bytes() == PNG


def test_an_existing_result_is_replaced_on_request_alone(edit, tmp_path):
    (tmp_path / "edited").mkdir()
    for name in ("a.png", "b.jpg"):
        (tmp_path / "edited" / name).write_bytes(b"another original")
    code, out, error = edit("a.png", "b.jpg", "--target-category", "bag")
    assert (code, out) == (2, "")
    assert error == (
        "A result must not replace a file that exists. Received: edited/a.png and 1 more. Choose another "
        "`--output`, or add `--overwrite` or, to take up a job that was stopped, `--resume`."
    )
    assert (tmp_path / "edited" / "a.png").read_bytes() == b"another original"
    assert edit("a.png", "b.jpg", "--target-category", "bag", "--overwrite")[0] == 0
    assert from_png((tmp_path / "edited" / "a.png").read_bytes()).size > 0


def test_no_photo_is_written_when_all_are_bad(edit, tmp_path):
    code, out, error = edit("garbage.png", "empty.jpg", "--target-category", "bag")
    assert (code, out) == (1, "Wrote 0 of 2 pictures\n")
    assert error == "2 photos could not be converted; edited/failed.csv lists them."
    assert files_in(tmp_path / "edited") == ["failed.csv"]


def test_dry_run_names_the_files_and_writes_none(edit, tmp_path):
    assert edit("a.png", "b.jpg", "--dry-run") == (0, "edited/a.png\nedited/b.jpg\n", "")
    assert not (tmp_path / "edited").exists()


def test_source_must_be_one_that_is_there(edit, presets_dir, tmp_path):
    message = (
        "Name exactly one source: --server HOST:PORT, --run RUN or --preset P. "
        "Presets: srcnn_x2, tiny_cvae, tiny_dcgan."
    )
    assert edit("a.png", source=())[::2] == (2, message)
    address = f"localhost:{free_port()}"
    code, _, error = edit("a.png", "--target-category", "bag", source=("--server", address))
    assert code == 1
    assert error.startswith(f"No server at {address} (")
    assert not (tmp_path / "edited").exists()


def test_large_photos_pass_both_protocols(edit, tmp_path):
    """More than the 4 MiB that gRPC allows unless it is told otherwise: noise cannot be compressed."""
    (tmp_path / "large.png").write_bytes(to_png(random_pictures(1, 1300, 1200, 3)[0]))
    assert (tmp_path / "large.png").stat().st_size > 4 * 2**20
    written = []
    for source in ("grpc", "rest"):
        assert edit("large.png", "--target-category", "bag", "--overwrite", source=source)[0] == 0
        written.append((tmp_path / "edited" / "large.png").read_bytes())
    assert written[0] == written[1]
