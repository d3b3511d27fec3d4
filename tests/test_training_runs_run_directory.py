"""Run directories: created completely or not at all, read back, or refused with the reason."""

import dataclasses
import errno
import os
import re
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from training.runs import run_directory
from training.runs.run_directory import create_run_directory, read_config
from training.trained_model import load_model
from zoo.errors import UnknownNameError


@pytest.fixture
def config(make_small_config):
    return make_small_config("dcgan")


def test_a_run_is_named_after_time_model_and_data_set_and_holds_its_configuration(tmp_path, config):
    run = create_run_directory(tmp_path / "new" / "runs", config)
    assert run.parent == tmp_path / "new" / "runs"
    assert re.fullmatch(r"\d{8}-\d{6}-dcgan-rendered_catalog", run.name)
    assert os.listdir(run) == ["config.json"]
    assert read_config(run) == config


def test_a_run_has_the_name_it_is_given(tmp_path, config):
    assert create_run_directory(tmp_path, config, "first") == tmp_path / "first"


def test_a_run_that_exists_is_left_alone(tmp_path, config, make_small_config):
    run = create_run_directory(tmp_path, config, "first")
    message = (
        f"A new run's directory must not exist yet. Received: {run}, which exists. "
        "Continue that run with `--resume`, or choose another `--run-name`."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        create_run_directory(tmp_path, make_small_config("srcnn"), "first")
    assert read_config(run) == config


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "/a"])
def test_a_run_name_stays_inside_the_directory_of_runs(tmp_path, config, name):
    message = f"`run_name` must be a plain directory name. Received: run_name={name!r}."
    with pytest.raises(ValueError, match=re.escape(message)):
        create_run_directory(tmp_path / "runs", config, name)
    assert os.listdir(tmp_path) == []


def test_a_directory_that_cannot_be_written_is_named(tmp_path, config):
    # A file in its place, because root may write to every directory.
    (tmp_path / "runs").write_text("")
    message = (
        f"The directory of runs must be writable and have enough free space. "
        f"Received: runs_dir={tmp_path / 'runs'} (Not a directory). "
        "Choose another one with `--runs-dir`, or free some space."
    )
    with pytest.raises(OSError, match=re.escape(message)):
        create_run_directory(tmp_path / "runs", config, "first")


def test_a_full_disk_leaves_no_run(tmp_path, config, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    message = f"Received: runs_dir={tmp_path} (No space left on device)."
    with pytest.raises(OSError, match=re.escape(message)):
        create_run_directory(tmp_path, config, "first")
    assert os.listdir(tmp_path) == []


def test_what_is_no_run_is_refused_by_what_is_missing(tmp_path):
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(FileNotFoundError, match=re.escape(f"Received: {missing}, which does not exist.")):
        read_config(missing)
    message = f"A run directory must contain config.json. Received: {empty}, where it is missing."
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        read_config(empty)
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        load_model(empty)


def test_a_run_that_has_not_finished_says_how_to_finish_it(tmp_path, config):
    run = create_run_directory(tmp_path, config, "first")
    message = (
        f"The run must have finished. Received: {run}, where model.keras is missing. "
        f"Finish it: zoo train --resume {run}"
    )
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        load_model(run)


def test_a_run_of_a_model_that_this_version_lacks_is_refused(tmp_path, config):
    run = create_run_directory(tmp_path, dataclasses.replace(config, model="wgan"), "first")
    message = (
        "Unknown model. Received: 'wgan'. "
        "Known: autoencoder, classifier, clean, conditional_vae, cutout, dcgan, ecbsr, fsrcnn, latent_flow, "
        "recolour, srcnn, style. "
        f"{run / 'config.json'} names it: install the version that made the run."
    )
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        load_model(run)


@pytest.mark.parametrize(
    "damage", [lambda content: b"", lambda content: b"no model", lambda content: content[: len(content) // 2]]
)
def test_a_damaged_model_is_refused(tmp_path, config, finished_run, damage):
    run = create_run_directory(tmp_path, config, "first")
    path = run / run_directory.MODEL
    path.write_bytes(damage((finished_run / run_directory.MODEL).read_bytes()))
    message = f"Received: {path}, which cannot be loaded: it is not a complete zip archive."
    with pytest.raises(ValueError, match=re.escape(message)):
        load_model(run)


def test_a_model_of_another_version_is_refused(tmp_path, config, finished_run):
    run = create_run_directory(tmp_path, config, "first")
    path = run / run_directory.MODEL
    with zipfile.ZipFile(finished_run / run_directory.MODEL) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                content = content.replace(b'"ema_momentum"', b'"ema_of_tomorrow"')
            target.writestr(name, content)
    message = (
        re.escape(
            f"A run's model must be undamaged and saved by this version. Received: {path}, which cannot be "
            "loaded: "
        )
        + ".*ema_of_tomorrow.*"
        + re.escape(f"train again: zoo train --config {run / 'config.json'}")
    )
    with pytest.raises(ValueError, match=re.compile(message, re.DOTALL)):
        load_model(run)


def test_a_finished_model_is_loaded_in_the_precision_asked_for(finished_run):
    latents = tf.random.stateless_normal([3, 3], [0, 0])
    attribute_ids = dict.fromkeys(("category", "colour", "pattern"), tf.constant([0, 1, 2]))
    model, mixed = load_model(finished_run), load_model(finished_run, precision="mixed_bfloat16")
    assert (model.compute_dtype, mixed.compute_dtype) == ("float32", "bfloat16")
    for weight, other in zip(model.weights, mixed.weights, strict=True):
        np.testing.assert_array_equal(weight, other)
    images = model(latents, attribute_ids)
    assert np.abs(images).max() > 0.0
    np.testing.assert_allclose(mixed(latents, attribute_ids), images, atol=0.05)
