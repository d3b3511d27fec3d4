"""What needs no Linux works without what only Linux has: `fcntl`, `resource`, `/proc`, processor affinity."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from catalog_files import write_photos, write_table

REPOSITORY = Path(__file__).parent.parent
# Before anything else is imported. Libraries that were imported with them may keep them.
HIDE = """
import builtins, io, os, pathlib, sys
sys.modules["fcntl"] = sys.modules["resource"] = None
del os.sched_getaffinity
real_open, real_stat = io.open, os.stat

def is_hidden(path):
    return isinstance(path, (str, os.PathLike)) and str(path).startswith("/proc/")

def open_elsewhere(path, *arguments, **options):
    if is_hidden(path):
        raise FileNotFoundError(2, "No such file or directory", str(path))
    return real_open(path, *arguments, **options)

def stat_elsewhere(path, *arguments, **options):
    if is_hidden(path):
        raise FileNotFoundError(2, "No such file or directory", str(path))
    return real_stat(path, *arguments, **options)

builtins.open = io.open = open_elsewhere
os.stat = stat_elsewhere
"""
# The modules that `zoo data build`, `upscale`, `edit` and `generate` may come to, and those of `--help`.
IMPORT = """
import importlib
from zoo.cli import COMMANDS
for name in (*COMMANDS.values(), *MODULES):
    importlib.import_module(name)
assert sys.modules["fcntl"] is sys.modules["resource"] is None
"""
MODULES = [
    "export.signatures.of_models",
    "serving.bench.measure",
    "serving.jobs.photo_job",
    "serving.pictures.source",
    "training.callbacks.step_logs",
    "training.data.catalog.photo_workers",
    "training.evaluation.efficiency",
    "training.input.picture_cache",
    "zoo.files.file_lock",
]


def run(script, **environment):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environment}
    return subprocess.run(
        [sys.executable, "-c", HIDE + script], capture_output=True, text=True, env=environment
    )


def zoo(*words):
    words = list(map(str, words))
    return run(f"from zoo.cli import main\nmain({words!r})")


@pytest.mark.slow
def test_modules_are_imported():
    done = run(IMPORT.replace("MODULES", repr(MODULES), 1))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_catalogue_is_built_from_photos(tmp_path):
    rows = write_photos(tmp_path / "photos", 12)
    table = write_table(tmp_path / "table.csv", rows)
    options = ("--images", tmp_path / "photos", "--table", table, "--size", 16)
    done = zoo("data", "build", "shop", *options, "--data-dir", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "data" / "shop").rglob("dataset_info.json"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "pictures"),
    [
        (("upscale", "PHOTO"), ["0.png"]),
        (("edit", "PHOTO", "--preset", "cvae_clothing_64", "--target-colour", "red"), ["0.png"]),
        (("generate", "--preset", "dcgan_fashion_mnist", "--category", "bag", "--count", 1), ["bag-0.png"]),
    ],
    ids=["upscale", "edit", "generate"],
)
def test_pictures_are_made(tmp_path, words, pictures):
    write_photos(tmp_path, 1)
    words = [tmp_path / "0.png" if word == "PHOTO" else word for word in words]
    done = zoo(*words, "--output", tmp_path / "made")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "made").iterdir()] == pictures


@pytest.mark.slow
def test_measurements_that_the_system_does_not_give_are_left_out():
    script = """
from training.data.catalog.photo_workers import default_num_workers
from training.evaluation.efficiency import measure_peak_memory
from training.input.picture_cache import free_memory_bytes
import json
print(json.dumps([measure_peak_memory(lambda: None), free_memory_bytes(), default_num_workers() > 0]))
"""
    done = run(script)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [None, 0, True]
