"""The configuration of a run, as an object and as a file."""

import dataclasses
import json
import re

import pytest

from training.runs.config import TrainingConfig

CONFIG = TrainingConfig(
    model="dcgan",
    dataset="rendered_catalog",
    epochs=3,
    batch_size=8,
    image_size=32,
    learning_rate=2e-4,
    precision="mixed_bfloat16",
    seed=5,
    model_options={"width": 16, "latent_dim": 4},
    data_dir="prepared",
    augment=("crop", "colour"),
    degrade=("jpeg",),
    cache="disk",
)


def write(path, **changes):
    values = {**json.loads(CONFIG.to_json()), **changes}
    path.write_text(json.dumps({name: value for name, value in values.items() if value is not ...}))
    return path


def test_a_file_holds_everything(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(CONFIG.to_json(), encoding="utf-8")
    assert TrainingConfig.read(path) == CONFIG


def test_what_may_be_left_out_has_its_default(tmp_path):
    names = ("seed", "model_options", "data_dir", "augment", "degrade", "cache")
    config = TrainingConfig.read(write(tmp_path / "config.json", **dict.fromkeys(names, ...)))
    assert config == dataclasses.replace(
        CONFIG, seed=0, model_options={}, data_dir=None, augment=(), degrade=(), cache=None
    )


@pytest.mark.parametrize("name", ["epochs", "batch_size", "image_size", "learning_rate"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_numbers_must_be_positive(name, value):
    message = f"`{name}` must be a positive number. Received: {name}={value!r}."
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(CONFIG, **{name: value})


def test_an_infinite_learning_rate_is_no_learning_rate():
    with pytest.raises(
        ValueError, match="`learning_rate` must be a positive number. Received: learning_rate=inf"
    ):
        dataclasses.replace(CONFIG, learning_rate=float("inf"))


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_the_seed_must_be_one_that_every_generator_takes(seed):
    message = f"`seed` must be an integer from 0 to 4294967295. Received: seed={seed}."
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(CONFIG, seed=seed)


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", "[1]", "null", '{"model": "dcgan"}'])
def test_a_file_of_another_kind_is_refused(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_text(text)
    message = f"A config file must be JSON with a `format`. Received: {path}."
    with pytest.raises(ValueError, match=re.escape(message)):
        TrainingConfig.read(path)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"format": 2}, "of format 2 (no other difference)."),
        ({"epochs": ...}, "of format 1 (missing: epochs)."),
        ({"momentum": 0.9}, "of format 1 (unknown: momentum)."),
        ({"format": 0, "model": ..., "wdith": 1}, "of format 0 (unknown: wdith; missing: model)."),
    ],
)
def test_a_file_of_another_version_says_what_differs(tmp_path, changes, problem):
    path = write(tmp_path / "config.json", **changes)
    message = f"must have format 1, as this version writes it. Received: {path} {problem} Train again"
    with pytest.raises(ValueError, match=re.escape(message)):
        TrainingConfig.read(path)
