"""`zoo generate`: the same files from a run, over gRPC and over REST; and what can be wrong."""

import errno
import json
import os
import shutil

import numpy as np
import pytest
from exported_models import exported, from_png
from free_ports import free_port
from served_runs import exported_run, files_in, run_zoo, running_server, trained_run

from serving import generate_command
from serving.client.connection import connect

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def addresses(make_small_config, tmp_path_factory):
    """Addresses of a server of the run's `dcgan`, and of `shoes` with "/" and " " in its categories."""
    models_dir = tmp_path_factory.mktemp("models")
    for name, version_dir in (
        ("dcgan", exported_run("dcgan", make_small_config)),
        ("shoes", exported("dcgan").directory),
        ("srcnn_x2", exported("srcnn_x2").directory),
    ):
        shutil.copytree(version_dir, models_dir / name / "1")
    with running_server(models_dir, tmp_path_factory.mktemp("config")) as addresses:
        yield addresses


@pytest.fixture
def generate(capsys, tmp_path, addresses):
    """Runs `zoo generate --output output`; of the server over gRPC unless a source is named."""

    def run(*arguments, source=None):
        source = ("--server", addresses["grpc"]) if source is None else source
        return run_zoo(capsys, "generate", *source, "--output", tmp_path / "output", *arguments)

    return run


@pytest.fixture
def output(tmp_path):
    return tmp_path / "output"


def contents(directory):
    return {name: (directory / name).read_bytes() for name in files_in(directory)}


def test_run_grpc_and_rest_write_the_same_files(generate, addresses, make_small_config, output):
    run = trained_run("dcgan", make_small_config)
    written = []
    for source in (("--run", run), ("--server", addresses["grpc"]), ("--server", addresses["rest"])):
        code, out, _ = generate("--category", "bag", "--count", 3, "--seed", -1, source=source)
        assert (code, out) == (0, f"Wrote 3 pictures to {output}\n")
        written.append(contents(output))
        shutil.rmtree(output)
    assert list(written[0]) == ["bag--1.png", "bag-0.png", "bag-1.png"]
    assert written[0] == written[1] == written[2]
    assert {from_png(file).shape for file in written[0].values()} == {(16, 16, 3)}


def test_a_preset_writes_what_its_run_writes(generate, presets_dir, make_small_config, output):
    written = []
    for source in (("--run", trained_run("dcgan", make_small_config)), ("--preset", "tiny_dcgan")):
        code, out, _ = generate("--category", "bag", "--count", 2, source=source)
        assert (code, out) == (0, f"Wrote 2 pictures to {output}\n")
        written.append(contents(output))
        shutil.rmtree(output)
    assert written[0] == written[1]


def test_a_preset_that_is_not_good_at_it_needs_force(generate, presets_dir, capsys, output):
    path = presets_dir / "tiny_dcgan" / "preset.json"
    description = json.loads(path.read_text())
    path.write_text(json.dumps({**description, "weak_at": {"generate": "it draws smears"}}))
    code, _, error = generate(source=("--preset", "tiny_dcgan"))
    assert code == 2
    assert "Received: tiny_dcgan; its description says: it draws smears. Choose another one" in error
    assert not output.exists()
    assert generate("--force", source=("--preset", "tiny_dcgan"))[0] == 0
    assert "  not good at generate: it draws smears\n" in run_zoo(capsys, "presets", "tiny_dcgan")[1]


def test_values_that_a_preset_does_not_know_are_answered_with_those_it_knows(
    generate, presets_dir, small_data_set, output
):
    code, _, error = generate("--category", "sock", source=("--preset", "tiny_dcgan"))
    known = ", ".join(small_data_set.attributes["category"])
    assert (code, error) == (2, f"Unknown category. Received: 'sock'. Known: {known}.")
    code, _, error = generate("--weight", "3", source=("--preset", "tiny_dcgan"))
    assert code == 2
    assert error == "Unknown option. Received: '--weight'. Known: --category, --colour, --pattern."
    assert not output.exists()


def test_a_damaged_preset_is_told(generate, presets_dir, output):
    path = presets_dir / "tiny_dcgan" / "weights.npz"
    path.write_bytes(path.read_bytes()[:-1])
    code, _, error = generate(source=("--preset", "tiny_dcgan"))
    assert code == 1
    assert f"The weights of the preset tiny_dcgan must match their checksum. Received: {path} with" in error
    assert not output.exists()


def test_files_are_what_the_model_answers(generate, addresses, output):
    values = {"category": "hat", "colour": "red"}
    assert generate("--category", "hat", "--colour=red", "--count", 2, "--seed", 5)[0] == 0
    inputs = {name: [value] * 2 for name, value in values.items()}
    with connect(addresses["grpc"]) as client:
        answer = client.predict("dcgan", {"seed": [5, 6], "pattern": ["", ""], **inputs}, "generate_png")
    assert contents(output) == dict(
        zip(["hat-red-5.png", "hat-red-6.png"], answer["image_bytes"], strict=True)
    )


def test_many_pictures_are_asked_for_in_several_requests(generate, output, monkeypatch):
    assert generate("--count", 5)[0] == 0
    at_once = contents(output)
    shutil.rmtree(output)
    monkeypatch.setattr(generate_command, "REQUEST_IMAGES", 2)
    assert generate("--count", 5)[0] == 0
    assert contents(output) == at_once
    assert list(at_once) == [f"any-{seed}.png" for seed in range(5)]


@pytest.mark.parametrize("seed", [-(2**63), 2**63 - 1])
@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_any_64_bit_seed_is_answered(generate, addresses, output, protocol, seed):
    assert generate("--seed", seed, source=("--server", addresses[protocol]))[0] == 0
    assert files_in(output) == [f"any-{seed}.png"]


@pytest.mark.parametrize(("seed", "count"), [(-(2**63) - 1, 1), (2**63, 1), (2**63 - 1, 2)])
def test_seeds_beyond_64_bits_are_wrong_usage(generate, output, seed, count):
    code, _, error = generate("--seed", seed, "--count", count)
    assert code == 2
    assert error.endswith(f"Received: --seed {seed} --count {count}. Choose another --seed.")
    assert not output.exists()


def test_names_of_categories_become_names_of_files(generate, output):
    for category in ("t-shirt/top", "ankle boot"):
        assert generate("--model", "shoes", "--category", category)[0] == 0
    assert files_in(output) == ["ankle-boot-0.png", "t-shirt-top-0.png"]


def test_files_are_named_by_every_attribute_that_is_given(generate, output):
    _, out, _ = generate("--colour", "red", "--category", "t-shirt", "--seed", 3, "--dry-run")
    assert out == f"{output / 'red-t-shirt-3.png'}\n"
    _, out, _ = generate("--category", "x" * 300, "--dry-run")
    assert out == f"{output / ('x' * 48 + '-0.png')}\n"


def test_dry_run_names_the_files_and_writes_none(generate, output):
    code, out, _ = generate("--category", "bag", "--count", 2, "--dry-run")
    assert code == 0
    assert out.splitlines() == [str(output / "bag-0.png"), str(output / "bag-1.png")]
    assert not output.exists()
    assert generate("--weight", "3", "--dry-run")[0] == 2


@pytest.mark.parametrize("source", ["run", "grpc", "rest"])
def test_unknown_category_is_wrong_usage_and_lists_the_known_ones(
    generate, addresses, make_small_config, small_data_set, output, source
):
    run = ("--run", trained_run("dcgan", make_small_config))
    code, out, error = generate(
        "--category", "sock", source=run if source == "run" else ("--server", addresses[source])
    )
    known = ", ".join(small_data_set.attributes["category"])
    assert (code, out) == (2, "")
    assert error == f"Unknown category. Received: 'sock'. Known: {known}."
    assert not output.exists()


@pytest.mark.parametrize("source", ["run", "grpc", "rest"])
def test_unknown_option_is_wrong_usage_and_lists_the_attributes(
    generate, addresses, make_small_config, output, source
):
    run = ("--run", trained_run("dcgan", make_small_config))
    code, _, error = generate(
        "--weight", "3", source=run if source == "run" else ("--server", addresses[source])
    )
    assert code == 2
    assert error == "Unknown option. Received: '--weight'. Known: --category, --colour, --pattern."
    assert not output.exists()


NO_SOURCE = (
    "Name exactly one source: --server HOST:PORT, --run RUN or --preset P. "
    "Presets: srcnn_x2, tiny_cvae, tiny_dcgan."
)
WRONG_SOURCES = {
    "none": ([], 2, NO_SOURCE),
    "two": (["--run", "run", "--server", "localhost:1"], 2, NO_SOURCE),
    "three": (["--run", "run", "--server", "localhost:1", "--preset", "p"], 2, NO_SOURCE),
    "model of a run": (
        ["--run", "run", "--model", "dcgan"],
        2,
        "--model names a server's model. Received: --model without --server. Give --server HOST:PORT too.",
    ),
    "unknown preset": (
        ["--preset", "shoes"],
        2,
        "Unknown preset. Received: 'shoes'. Known: srcnn_x2, tiny_cvae, tiny_dcgan.",
    ),
    "no address": (["--server", "here"], 2, "Received: address='here'."),
    "no port": (["--server", "localhost:"], 2, "Received: address='localhost:'."),
    "no scheme": (["--server", "ftp://localhost:1"], 2, "Received: address='ftp://localhost:1'."),
    "no run": (
        ["--run", "no-run"],
        1,
        "The run directory must exist. Received: no-run, which does not exist.",
    ),
}


@pytest.mark.parametrize("key", WRONG_SOURCES)
def test_source_that_cannot_be_opened_is_told(generate, presets_dir, output, key):
    source, exit_code, message = WRONG_SOURCES[key]
    code, out, error = generate(source=source)
    assert (code, out) == (exit_code, "")
    assert message in error
    assert not output.exists()


@pytest.mark.parametrize("scheme", ["", "grpc://", "http://"])
def test_server_that_is_not_running_is_told_with_how_to_start_one(generate, output, scheme):
    address = f"localhost:{free_port()}"
    code, _, error = generate(source=("--server", scheme + address))
    assert code == 1
    assert error.startswith(f"No server at {address} (")
    assert error.endswith("Start one with `zoo serve`.")
    assert not output.exists()


def test_model_that_is_not_served_is_told(generate):
    code, _, error = generate("--model", "painter")
    assert code == 1
    assert error == (
        "NOT_FOUND: Servable not found for request: Latest(painter). "
        "Name one of the server's models with --model: "
        "`zoo serve` prints them when it starts, one for each folder of its models directory. "
        "`zoo export PRESET_OR_RUN` adds one."
    )


def test_model_that_generates_nothing_is_told_with_what_it_does(generate):
    code, _, error = generate("--model", "srcnn_x2")
    assert code == 2
    assert error == (
        "Unknown signature of srcnn_x2. Received: 'generate_png'. "
        "Known: serving_default, upscale, upscale_png. Name another model."
    )


@pytest.mark.parametrize("options", [["--count", "0"], ["--count", "many"], ["--seed", "1.5"], ["bag"]])
def test_options_of_the_wrong_type_are_wrong_usage(generate, output, options):
    assert generate(*options)[0] == 2
    assert not output.exists()


def test_full_disk_leaves_no_half_picture(generate, output, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    code, _, error = generate()
    assert code == 1
    assert "No space left on device" in error
    assert files_in(output) == []


def test_output_that_is_a_file_is_told_before_a_server_is_asked(generate, output):
    output.write_text("a file")
    code, _, error = generate(source=["--server", f"localhost:{free_port()}"])
    assert code == 2
    assert f"Invalid value for '--output': Directory '{output}' is a file." in error
    assert output.read_text() == "a file"


def test_different_seeds_give_different_pictures(generate, output):
    assert generate("--category", "bag", "--count", 2)[0] == 0
    first, second = (from_png(file).astype(int) for file in contents(output).values())
    assert np.abs(first - second).max() > 0


def test_a_server_with_small_batches_is_asked_in_parts(capsys, tmp_path, output, make_small_config):
    """The command's own requests fit `zoo serve`; another server's batches may be smaller."""
    models_dir = tmp_path / "models"
    shutil.copytree(exported_run("dcgan", make_small_config), models_dir / "dcgan" / "1")
    parameters = tmp_path / "batching.config"
    parameters.write_text("max_batch_size { value: 3 }")
    options = {"enable_batching": True, "batching_parameters_file": str(parameters)}
    with running_server(models_dir, tmp_path / "config", **options) as addresses:
        for protocol in ("grpc", "rest"):
            arguments = ("--count", 8, "--output", output / protocol, "--category", "bag")
            assert run_zoo(capsys, "generate", "--server", addresses[protocol], *arguments)[0] == 0
    own = ("--run", trained_run("dcgan", make_small_config), "--count", 8, "--output", output / "run")
    assert run_zoo(capsys, "generate", *own, "--category", "bag")[0] == 0
    assert contents(output / "grpc") == contents(output / "rest") == contents(output / "run")
