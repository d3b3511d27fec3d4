"""`zoo data build`: the data set it writes, its messages and its errors."""

import pytest

from training.data import data_sets
from zoo import cli

DRAWINGS = ["rendered_catalog", "--size", "8", "--count", "10"]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs `zoo data ...` with its own ZOO_HOME; returns exit code, output and errors."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))

    def run(*words):
        with pytest.raises(SystemExit) as caught:
            cli.main(["data", *words])
        captured = capsys.readouterr()
        return caught.value.code, captured.out, captured.err

    return run


def test_builds_and_says_so(run, tmp_path):
    code, output, _ = run("build", *DRAWINGS, "--seed", "3")
    assert code == 0
    assert "Prepared rendered_catalog: 8 train, 1 validation, 1 test. Pictures from drawings" in output
    assert data_sets.find_prepared("rendered_catalog", tmp_path / "home/data").image_shape == (8, 8, 3)


def test_data_dir(run, tmp_path):
    assert run("build", *DRAWINGS, "--data-dir", str(tmp_path / "there"))[0] == 0
    assert data_sets.find_prepared("rendered_catalog", tmp_path / "there") is not None


def test_existing_data_is_replaced_only_with_overwrite(run, tmp_path):
    run("build", *DRAWINGS)
    code, _, errors = run("build", "rendered_catalog", "--size", "9", "--count", "20")
    assert code == 1
    assert "Received: rendered_catalog, which is already prepared" in errors
    assert "`--overwrite`" in errors
    assert data_sets.find_prepared("rendered_catalog", tmp_path / "home/data").image_shape == (8, 8, 3)
    assert run("build", "rendered_catalog", "--size", "9", "--count", "20", "--overwrite")[0] == 0
    assert data_sets.find_prepared("rendered_catalog", tmp_path / "home/data").image_shape == (9, 9, 3)


def test_dry_run_writes_nothing(run, tmp_path):
    code, output, _ = run("build", *DRAWINGS, "--dry-run")
    assert code == 0
    assert f"Would prepare rendered_catalog in {tmp_path / 'home/data'}, size=8, count=10." in output
    assert not (tmp_path / "home").exists()


def test_unknown_name(run):
    code, _, errors = run("build", "myshop")
    assert code == 2
    assert errors.count("\n") == 1
    assert "Received: 'myshop'. Known: fashion_mnist, rendered_catalog." in errors


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["fashion_mnist", "--size", "32"], "--size does not apply to fashion_mnist"),
        (["rendered_catalog", "--images", "."], "--images does not apply to rendered_catalog"),
        (["fashion_mnist", "--images", "/no/such/directory"], "does not exist"),
        ([], "Missing argument"),
    ],
)
def test_wrong_usage(run, words, text):
    code, _, errors = run("build", *words)
    assert code == 2
    assert text in errors


def test_bad_directory_of_idx_files(run, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, errors = run("build", "fashion_mnist", "--images", str(tmp_path / "empty"))
    assert code == 1
    assert errors.count("\n") == 1
    assert "train-images-idx3-ubyte" in errors
    assert "expected sha256=" in errors


def test_unknown_command(run):
    code, _, errors = run("biuld")
    assert code == 2
    assert "Known: build" in errors


@pytest.mark.parametrize("words", [["--help"], ["build", "--help"]])
def test_help_has_an_example(run, words):
    code, output, _ = run(*words)
    assert code == 0
    assert "zoo data build fashion_mnist" in output
