"""`zoo upscale`: the same files from a run, over gRPC and over REST; factors, and bad photos."""

import shutil

import pytest
from exported_models import exported, from_png
from free_ports import free_port
from picture_files import HEIGHT, JPEG, PNG, PNGS, WIDTH
from served_runs import exported_run, files_in, run_zoo, running_server, trained_run

from zoo.pictures.photo import read_photo

PHOTOS = {
    "a.png": PNG,
    "b.jpg": JPEG,
    "turned.png": PNGS["exif_before_pixels"],
    "broken.png": b"no picture",
    "damaged.png": PNG[:60] + bytes([PNG[60] ^ 1]) + PNG[61:],
}
SIZES = {"a.png": (HEIGHT, WIDTH), "b.jpg": (HEIGHT, WIDTH), "turned.png": (WIDTH, HEIGHT)}


@pytest.fixture(scope="module")
def addresses(make_small_config, tmp_path_factory):
    """Addresses of a server of the run's `srcnn_x2`, and of `srcnn_x3`."""
    models_dir = tmp_path_factory.mktemp("models")
    shutil.copytree(exported_run("srcnn", make_small_config), models_dir / "srcnn_x2" / "1")
    shutil.copytree(exported("srcnn_x3").directory, models_dir / "srcnn_x3" / "1")
    with running_server(models_dir, tmp_path_factory.mktemp("config")) as addresses:
        yield addresses


@pytest.fixture
def sources(addresses, make_small_config):
    return {
        "run": ("--run", trained_run("srcnn", make_small_config)),
        "grpc": ("--server", addresses["grpc"]),
        "rest": ("--server", addresses["rest"]),
    }


@pytest.fixture
def upscale(capsys, sources, tmp_path, monkeypatch):
    """Runs `zoo upscale` among all photos; of the server over gRPC unless a source is named."""
    monkeypatch.chdir(tmp_path)
    for name, content in PHOTOS.items():
        (tmp_path / name).write_bytes(content)

    def run(*arguments, source="grpc"):
        source = sources[source] if isinstance(source, str) else source
        return run_zoo(capsys, "upscale", *arguments, *source)

    return run


def contents(directory):
    return {name: (directory / name).read_bytes() for name in files_in(directory)}


def test_run_grpc_and_rest_write_the_same_files(upscale, sources, tmp_path):
    written = {}
    for source in sources:
        code, out, error = upscale(*PHOTOS, "--no-provenance", source=source)
        assert (code, out) == (1, "Wrote 3 of 5 pictures to upscaled\n")
        assert error == "2 photos could not be converted; upscaled/failed.csv lists them."
        written[source] = contents(tmp_path / "upscaled")
        shutil.rmtree(tmp_path / "upscaled")
    assert written["run"] == written["grpc"] == written["rest"]
    listed = written["run"].pop("failed.csv").decode().splitlines()
    assert listed[1:] == [
        "broken.png,not an image,begins with 6e 6f 20 70",
        "damaged.png,damaged,the checksum of its IDAT chunk is wrong",
    ]
    shapes = {name: read_photo(file).shape for name, file in written["run"].items()}
    assert shapes == {name: (2 * height, 2 * width, 3) for name, (height, width) in SIZES.items()}


@pytest.mark.parametrize(
    ("options", "factor"),
    [([], 2), (["--factor", "2"], 2), (["--factor=3"], 3), (["--model", "srcnn_x3"], 3)],
)
def test_factor_chooses_the_model_of_the_server(upscale, tmp_path, options, factor):
    assert upscale("a.png", *options, "--output", "large") == (0, "Wrote 1 of 1 pictures to large\n", "")
    picture = from_png((tmp_path / "large" / "a.png").read_bytes())
    assert picture.shape == (factor * HEIGHT, factor * WIDTH, 3)


def test_factor_that_is_not_served_is_told(upscale, tmp_path):
    for source, status in (("grpc", "NOT_FOUND"), ("rest", "HTTP 404")):
        code, _, error = upscale("a.png", "--factor", "4", source=source)
        assert code == 1
        assert error.startswith(
            f"{status}: Servable not found for request: Latest(ecbsr_x4); "
            "Servable not found for request: Latest(fsrcnn_x4); "
            "Servable not found for request: Latest(srcnn_x4). Name one of the server's models with --model"
        )
    assert not (tmp_path / "upscaled").exists()


@pytest.mark.slow
def test_a_server_is_asked_for_the_preset_that_is_taken_without_one(
    upscale, make_small_config, tmp_path, tmp_path_factory
):
    """All three are served, and differ: what the command names in its help is what answers."""
    models_dir = tmp_path_factory.mktemp("models")
    for name in ("srcnn", "fsrcnn", "ecbsr"):
        shutil.copytree(exported_run(name, make_small_config), models_dir / f"{name}_x2" / "1")
    with running_server(models_dir, tmp_path_factory.mktemp("config")) as addresses:
        server = ("--server", addresses["grpc"])
        for options in ([], *(["--model", f"{name}_x2"] for name in ("ecbsr", "fsrcnn", "srcnn"))):
            output = options[-1] if options else "default"
            words = ("--no-provenance", "--output", output)
            assert upscale("a.png", *options, *words, source=server)[0] == 0
    assert contents(tmp_path / "default") == contents(tmp_path / "ecbsr_x2")
    for other in ("fsrcnn_x2", "srcnn_x2"):
        assert contents(tmp_path / "default") != contents(tmp_path / other)


def test_factor_of_a_run_must_be_its_own(upscale, tmp_path):
    code, _, error = upscale("a.png", "--factor", "3", source="run")
    message = "The model enlarges 2 times. Received: --factor 3. Leave --factor out, or name another model."
    assert (code, error) == (2, message)
    assert upscale("a.png", "--factor", "2", source="run")[0] == 0
    assert files_in(tmp_path / "upscaled") == ["a.png"]


@pytest.mark.parametrize("source", ["grpc", "rest"])
def test_factor_of_a_named_model_of_the_server_must_be_its_own(upscale, tmp_path, source):
    for arguments in (["--factor", "3", "--model", "srcnn_x2"], ["--factor", "2", "--model", "srcnn_x3"]):
        code, _, error = upscale("a.png", *arguments, source=source)
        of_model = 5 - int(arguments[1])
        assert code == 2
        assert (
            f"The model enlarges {of_model} times. Received: --factor {arguments[1]}. Leave --factor" in error
        )
    assert not (tmp_path / "upscaled").exists()


@pytest.mark.slow
def test_without_a_source_the_preset_of_the_factor_is_taken(upscale, presets_dir, tmp_path):
    assert upscale("a.png", "--no-provenance", source="run")[0] == 0
    of_run = contents(tmp_path / "upscaled")
    shutil.copytree(presets_dir / "srcnn_x2", presets_dir / "ecbsr_x2")
    for options in ([], ["--factor", "2"], ["--preset", "srcnn_x2"]):
        shutil.rmtree(tmp_path / "upscaled")
        assert upscale("a.png", "--no-provenance", *options, source=()) == (
            0,
            "Wrote 1 of 1 pictures to upscaled\n",
            "",
        )
        assert contents(tmp_path / "upscaled") == of_run


def test_the_help_names_the_presets_that_are_taken_without_a_source(upscale):
    told = " ".join(upscale("--help")[1].split())
    assert "uses the factor's preset, ecbsr_x2 to ecbsr_x4" in told
    assert "without --model, uses the server's model of that name, or else fsrcnn_x2 or srcnn_x2" in told


def test_a_factor_that_no_preset_has_needs_a_source(upscale, presets_dir, tmp_path):
    code, _, error = upscale("a.png", "--factor", "3", source=())
    assert code == 2
    assert error == (
        "Name exactly one source: --server HOST:PORT, --run RUN or --preset P. "
        "Presets: srcnn_x2, tiny_cvae, tiny_dcgan."
    )
    assert not (tmp_path / "upscaled").exists()


def test_factor_of_a_preset_must_be_its_own(upscale, presets_dir):
    code, _, error = upscale("a.png", "--factor", "3", source=("--preset", "srcnn_x2"))
    message = "The model enlarges 2 times. Received: --factor 3. Leave --factor out, or name another model."
    assert (code, error) == (2, message)


def test_a_model_needs_a_server_even_where_there_is_a_preset(upscale, presets_dir):
    code, _, error = upscale("a.png", "--model", "srcnn_x2", source=())
    assert (code, error) == (
        2,
        "--model names a server's model. Received: --model without --server. Give --server HOST:PORT too.",
    )


def test_unknown_presets_are_answered_with_those_that_exist(upscale, presets_dir):
    code, _, error = upscale("a.png", source=("--preset", "edsr_x2"))
    message = "Unknown preset. Received: 'edsr_x2'. Known: srcnn_x2, tiny_cvae, tiny_dcgan."
    assert (code, error) == (2, message)


@pytest.mark.parametrize("factor", ["1", "5", "two", "2.0", ""])
def test_other_factors_are_wrong_usage_and_the_known_ones_listed(upscale, factor):
    code, _, error = upscale("a.png", f"--factor={factor}")
    assert code == 2
    assert "is not one of '2', '3', '4'." in error


def test_attributes_are_no_options_of_it(upscale):
    code, _, error = upscale("a.png", "--category", "bag")
    assert code == 2
    assert "No such option '--category'" in error


def test_run_that_enlarges_nothing_is_told_with_what_it_does(upscale, make_small_config, tmp_path):
    run = trained_run("dcgan", make_small_config)
    for options in ([], ["--factor", "2"]):
        code, _, error = upscale("a.png", *options, source=("--run", run))
        assert code == 2
        assert error == (
            f"Unknown signature of {run}. Received: 'upscale_png'. "
            "Known: generate_png, generate, decode. Name another model."
        )
    assert not (tmp_path / "upscaled").exists()


WRONG_PHOTOS = {
    "none": ([], "Missing argument 'PHOTO...'"),
    "missing": (["a.png", "no-such.png"], "Path 'no-such.png' does not exist."),
    "replaced": (["b.jpg", "a.png", "--output", "."], "must not replace a photo. Received: a.png."),
}


@pytest.mark.parametrize("key", WRONG_PHOTOS)
def test_photos_that_cannot_be_taken_are_wrong_usage(upscale, tmp_path, key):
    arguments, message = WRONG_PHOTOS[key]
    code, out, error = upscale(*arguments)
    assert (code, out) == (2, "")
    assert message in error
    assert files_in(tmp_path) == sorted(PHOTOS)
    assert (tmp_path / "a.png").read_bytes() == PNG


def test_dry_run_names_the_files_and_writes_none(upscale, tmp_path):
    assert upscale("a.png", "b.jpg", "--dry-run") == (0, "upscaled/a.png\nupscaled/b.jpg\n", "")
    assert files_in(tmp_path) == sorted(PHOTOS)


def test_server_that_is_not_running_is_told(upscale):
    address = f"localhost:{free_port()}"
    code, _, error = upscale("a.png", source=("--server", f"http://{address}"))
    assert code == 1
    assert error.startswith(f"No server at {address} (")
