"""A run is resumed only on the data that it has learned from."""

import dataclasses
import json

import pytest
from catalog_files import load_shop, write_photos, write_table

from training.loop import resume
from training.loop.resume import resume_training
from training.loop.trainer import start_training
from training.runs.data_identity import FILE, check_identity, identity_of, write_identity
from training.runs.run_directory import CHECKPOINTS


@pytest.fixture
def run(tmp_path, small_data_set):
    write_identity(tmp_path, small_data_set)
    return tmp_path


def renamed(data_set, *values):
    return dataclasses.replace(data_set, attributes={**data_set.attributes, "category": values})


def test_the_same_data_pass(run, small_data_set):
    check_identity(run, small_data_set)
    check_identity(run, dataclasses.replace(small_data_set, source="another place"))


def test_runs_of_former_versions_pass(run, small_data_set):
    (run / CHECKPOINTS / FILE).unlink()
    check_identity(run, renamed(small_data_set, "a", "b"))


def test_other_values_are_named(run, small_data_set):
    former = ", ".join(small_data_set.attributes["category"])
    message = f"Received: rendered_catalog with values of category of dress, watch, formerly {former}. Build"
    with pytest.raises(ValueError, match=message):
        check_identity(run, renamed(small_data_set, "dress", "watch"))
    without = dataclasses.replace(
        small_data_set, attributes={"category": small_data_set.attributes["category"]}
    )
    with pytest.raises(ValueError, match=r"values of \w+ of none, formerly "):
        check_identity(run, without)


def test_another_number_of_pictures_is_named(run, small_data_set):
    other = dataclasses.replace(small_data_set, num_images={**small_data_set.num_images, "train": 31})
    with pytest.raises(ValueError, match=f"pictures in train of 31, formerly 32.*--init-from {run}"):
        check_identity(run, other)


def test_other_photos_of_the_same_number_are_noticed(build_shop, tmp_path):
    for seed, size in enumerate((20, 24)):
        rows = write_photos(tmp_path / f"images{seed}", 12)
        write_table(tmp_path / "t.csv", rows)
        (tmp_path / "images").unlink(missing_ok=True)
        (tmp_path / "images").symlink_to(tmp_path / f"images{seed}")
        assert build_shop("--size", str(size), "--overwrite")[0] == 0
        data_set = load_shop(tmp_path)
        if seed == 0:
            write_identity(tmp_path, data_set)
            check_identity(tmp_path, data_set)
    with pytest.raises(ValueError, match="shop with bytes in "):
        check_identity(tmp_path, data_set)


@pytest.mark.slow
def test_a_run_is_not_resumed_on_a_data_set_rebuilt_with_other_labels(
    make_small_config, small_data_set, tmp_path, monkeypatch
):
    run = start_training(make_small_config("classifier", epochs=1), tmp_path, "run")
    assert json.loads((run / CHECKPOINTS / FILE).read_text()) == identity_of(small_data_set)
    before = (run / "config.json").read_bytes()
    values = tuple(f"new {value}" for value in small_data_set.attributes["category"])
    monkeypatch.setattr(resume, "open_data_set", lambda *_: renamed(small_data_set, *values))
    with pytest.raises(ValueError, match="A run must be resumed on the data that it has learned from"):
        resume_training(run, {"epochs": 2})
    assert (run / "config.json").read_bytes() == before
    monkeypatch.undo()
    assert resume_training(run, {"epochs": 2}) == run
