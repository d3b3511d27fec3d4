"""Output paths that cannot be written are refused before any work is done."""

import pytest
from served_runs import run_zoo

DIRECTORIES = {
    "upscale": ["upscale", "photo.png", "--output"],
    "edit": ["edit", "photo.png", "--output"],
    "generate": ["generate", "--output"],
    "evaluate": ["evaluate", "no-run", "--output"],
    "export": ["export", "no-run", "--models-dir"],
}
FILES = {
    "data show": ["data", "show", "no-data", "--output"],
    "tflite": ["export", "no-run", "--tflite"],
}


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.png").write_text("a file")
    (tmp_path / "folder").mkdir()
    return lambda *arguments: run_zoo(capsys, *arguments)


@pytest.mark.parametrize("key", DIRECTORIES)
def test_a_file_in_the_place_of_a_directory_is_wrong_usage(run, key):
    *words, option = DIRECTORIES[key]
    code, out, error = run(*words, option, "photo.png")
    assert (code, out) == (2, "")
    assert f"Invalid value for '{option}': Directory 'photo.png' is a file." in error


@pytest.mark.parametrize("key", DIRECTORIES | FILES)
def test_a_file_in_the_place_of_a_parent_is_wrong_usage(run, key):
    *words, option = (DIRECTORIES | FILES)[key]
    code, out, error = run(*words, option, "photo.png/new/one")
    assert (code, out) == (2, "")
    assert f"Invalid value for '{option}': photo.png must be a directory, because 'new/one' will be" in error


@pytest.mark.parametrize("key", FILES)
def test_a_directory_in_the_place_of_a_file_is_wrong_usage(run, key):
    *words, option = FILES[key]
    code, _, error = run(*words, option, "folder")
    assert code == 2
    assert f"Invalid value for '{option}': File 'folder' is a directory." in error
