"""The classifier that judges generated pictures: its choice, its files, and damaged ones."""

import dataclasses
import json
import os
import re
import shutil
import types

import keras
import numpy as np
import pytest
from pictures_in_memory import make_data_set

from training.data.data_sets import load_data_set
from training.data.rendered import builder as rendered_catalog
from training.data.selection import select
from training.evaluation.quality import judge as quality_judge
from training.evaluation.quality import judge_training
from training.evaluation.quality.judge import find_judge, is_poor, why_not_judged
from training.evaluation.quality.judge_files import JudgeFiles, read_judge
from zoo.classifier import Classifier
from zoo.presets.registry import read_preset

pytestmark = pytest.mark.slow

TRAINING = re.compile("^Training a small classifier of rendered_catalog, once")


@pytest.fixture
def untrained_judges(monkeypatch):
    """Puts a small network with random weights in the place of a training, different for each data set."""

    def make(data_set, image_size, cache):
        keras.utils.set_random_seed(sum(data_set.num_images.values()) + 1000 * image_size)
        return Classifier(data_set.attributes, image_size, data_set.image_shape[2], width=2)

    monkeypatch.setattr(judge_training, "train_judge", make)


def prepare(directory, small_data_dir):
    """Copies the small data set, without the judges of other tests."""
    shutil.copytree(small_data_dir, directory, ignore=shutil.ignore_patterns("judges"))
    return load_data_set("rendered_catalog", directory)


@pytest.fixture
def data_set(tmp_path, small_data_dir, untrained_judges):
    return prepare(tmp_path / "data", small_data_dir)


@pytest.fixture
def find(tmp_path):
    """Finds the judge of a run of this name, and returns it with what was said."""

    def find(data_set, run="run", image_size=8):
        said = []
        judge = find_judge(data_set, image_size, "memory", tmp_path / run / "checkpoints", said.append)
        return judge, said

    return find


def judges_of(data_set):
    return sorted((data_set.builder.data_path / "judges").iterdir())


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def test_a_judge_is_trained_once_and_taken_from_disk_then(data_set, find, tmp_path):
    first, said = find(data_set, "first")
    assert len(said) == 1
    assert TRAINING.match(said[0])
    second, said = find(data_set, "second")
    assert said == []
    assert second.weights_sha256 == first.weights_sha256
    assert second.directory == tmp_path / "second" / "checkpoints"
    # The run has its own copy, also when the data are elsewhere.
    (directory,) = judges_of(data_set)
    for path in directory.iterdir():
        path.unlink()
    again, said = find(data_set, "second")
    assert (again, said) == (second, [])
    # Trained again it is the same one.
    third, said = find(data_set, "third")
    assert len(said) == 1
    assert third.weights_sha256 == first.weights_sha256


def test_what_a_judge_is_stands_in_the_run(data_set, find):
    judge, _ = find(data_set)
    content = json.loads((judge.directory / "judge.json").read_text(encoding="utf-8"))
    assert content["name"] == "classifier of rendered_catalog"
    assert content["num_judged"] == 4
    assert content["accuracy"].keys() == content["chance"].keys() == data_set.attributes.keys()
    assert all(0 <= share <= 1 for share in (*content["accuracy"].values(), *content["chance"].values()))
    features = judge.extractor.extract(np.zeros([3, 8, 8, 3], "uint8"))
    assert features.shape == (3, 8)


def test_every_data_set_and_size_has_its_judge_and_a_part_that_of_the_whole(data_set, find, tmp_path):
    first, _ = find(data_set, "first")
    rendered_catalog.prepare(tmp_path / "other", size=16, count=41)
    other, said = find(load_data_set("rendered_catalog", tmp_path / "other"), "other")
    assert len(said) == 1
    larger, said = find(data_set, "larger", image_size=16)
    assert len(said) == 1
    assert len({judge.weights_sha256 for judge in (first, other, larger)}) == 3
    assert len(judges_of(data_set)) == 2
    part, said = find(select(data_set, {"category": most_frequent_categories(data_set)}), "part")
    assert (part.weights_sha256, said) == (first.weights_sha256, [])


def test_a_data_set_that_is_replaced_has_another_judge(data_set, find, tmp_path):
    first, _ = find(data_set, "first")
    rendered_catalog.prepare(tmp_path / "data", size=16, count=41, overwrite=True)
    second, said = find(load_data_set("rendered_catalog", tmp_path / "data"), "second")
    assert len(said) == 1
    assert second.weights_sha256 != first.weights_sha256


@pytest.mark.parametrize("name", ["judge.npz", "judge.json"])
def test_a_damaged_judge_of_a_data_set_is_trained_again(data_set, find, name):
    first, _ = find(data_set, "first")
    (directory,) = judges_of(data_set)
    if name == "judge.npz":
        damage(directory / name)
        reason = "judge.npz is not what was written"
    else:
        (directory / name).write_text('{"format": 1, "name')
        reason = "judge.json does not describe a judge"
    second, said = find(data_set, "second")
    assert said[0].startswith("The judge of pictures of rendered_catalog is damaged (")
    assert reason in said[0]
    assert TRAINING.match(said[1])
    assert second.weights_sha256 == first.weights_sha256
    assert read_judge(directory).weights_sha256 == first.weights_sha256


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda run: damage(run / "judge.npz"), "judge.npz is not what was written"),
        (lambda run: (run / "judge.npz").unlink(), "judge.npz is missing"),
        (lambda run: (run / "judge.json").write_text("[]"), "judge.json does not describe a judge"),
        (lambda run: (run / "judge.json").write_text('{"format": 7}'), "judge.json does not describe"),
    ],
)
def test_a_damaged_judge_of_a_run_is_refused(data_set, find, spoil, reason):
    run = find(data_set)[0].directory
    spoil(run)
    message = (
        f"The judge of a run must be as it was, or its epochs cannot be compared. Received: {run} "
        f"({run}{os.sep}{reason}"
    )
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        find(data_set)
    assert "Restore judge.json and judge.npz from a copy, or delete both to go on" in str(caught.value)
    for name in ("judge.json", "judge.npz"):
        (run / name).unlink(missing_ok=True)
    assert find(data_set)[1] == []


def test_a_judge_of_another_format_or_network_is_refused(data_set, find):
    judge, _ = find(data_set)
    path = judge.directory / "judge.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, "format": 7}))
    with pytest.raises(ValueError, match=r"judge.json is of format 7 instead of 1"):
        find(data_set)
    path.write_text(json.dumps({**content, "model_config": {**content["model_config"], "width": 3}}))
    with pytest.raises(ValueError, match="judge.npz does not fit its description"):
        find(data_set)


def test_without_a_place_for_other_runs_a_run_has_its_own_judge(data_set, find, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(quality_judge, "_directory_of", lambda *_: tmp_path / "file" / "judges")
    judge, said = find(data_set)
    assert len(said) == 1
    assert find(data_set) == (judge, [])


def test_judges_are_under_the_home_where_records_cannot_be_written(data_set, find, monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    find(data_set)
    assert len(list((tmp_path / "home" / "judges").glob("*/judge.npz"))) == 1


def fashion_like(tmp_path, **changes):
    """Noise in the size and with the categories of Fashion-MNIST."""
    preset = read_preset("classifier_fashion_mnist")
    pictures = list(np.random.default_rng(0).integers(0, 256, [60, 28, 28, 1], np.uint8))
    values = {
        "name": "fashion_mnist",
        "attributes": {name: tuple(values) for name, values in preset.attributes.items()},
        "num_images": {"train": 60, "validation": 60},
        "tfds_splits": {"train": "train", "validation": "train"},
        "builder": types.SimpleNamespace(data_dir=tmp_path),
    }
    (tmp_path / "dataset_info.json").write_text("{}")
    return dataclasses.replace(make_data_set(pictures), **{**values, **changes})


def test_the_shipped_classifier_judges_the_pictures_that_it_knows(find, tmp_path):
    judge, said = find(fashion_like(tmp_path), image_size=28)
    assert judge.name == "classifier_fashion_mnist"
    assert judge.weights_sha256 == read_preset("classifier_fashion_mnist").weights["sha256"]
    # What it says of noise is no better than guessing, and that is said.
    assert len(said) == 1
    assert said[0].startswith(
        "The classifier_fashion_mnist, which compares generated pictures with real ones,"
    )
    assert re.search(r"hardly tells what these show \(category \d+ %, by guessing 33 %\)", said[0])
    assert find(fashion_like(tmp_path), image_size=28) == (judge, [])


@pytest.mark.parametrize(
    ("changes", "image_size"),
    [({"name": "shoes"}, 28), ({"attributes": {"category": ("a", "b", "c")}}, 28), ({}, 32)],
)
def test_of_other_pictures_it_knows_nothing(untrained_judges, find, tmp_path, changes, image_size):
    judge, _ = find(fashion_like(tmp_path, **changes), image_size=image_size)
    assert judge.name == f"classifier of {changes.get('name', 'fashion_mnist')}"
    assert judge.classifier.image_size == image_size


@pytest.mark.parametrize(
    ("accuracy", "chance", "num_judged", "poor"),
    [
        ({"a": 0.34}, {"a": 0.3}, 30, True),
        ({"a": 0.38}, {"a": 0.3}, 30, False),
        ({"a": 0.3, "b": 0.9}, {"a": 0.3, "b": 0.5}, 30, False),
        ({"a": 0.1}, {"a": 0.3}, 29, False),
    ],
)
def test_poor_judges(tmp_path, accuracy, chance, num_judged, poor):
    assert is_poor(JudgeFiles(tmp_path, "x", {}, "", accuracy, chance, num_judged)) == poor


def test_what_cannot_be_judged_is_said(data_set):
    assert why_not_judged(data_set, 8) is None
    assert why_not_judged(data_set, 7) == "its judge needs pictures of 8 pixels, these have 7"
    one = dataclasses.replace(data_set, num_images={**data_set.num_images, "validation": 1})
    assert why_not_judged(one, 8) == "it needs 2 validation pictures, rendered_catalog has 1"
    alike = dataclasses.replace(data_set, attributes={"category": ("shoe",)})
    assert (
        why_not_judged(alike, 8) == "its judge needs an attribute with two values, rendered_catalog has none"
    )


def most_frequent_categories(data_set):
    """Returns a value of each split, so that no split of a selection is empty."""
    splits = [[int(element["category"]) for element in data_set.read(split)] for split in data_set.num_images]
    return sorted({data_set.attributes["category"][max(ids, key=ids.count)] for ids in splits})


@pytest.mark.slow
def test_training_is_bounded_and_the_same_again(small_data_set, monkeypatch):
    steps, fit = [], Classifier.fit

    def counting_fit(self, *args, steps_per_epoch, **options):
        steps.append(steps_per_epoch)
        return fit(self, *args, steps_per_epoch=steps_per_epoch, **options)

    monkeypatch.setattr(Classifier, "fit", counting_fit)
    monkeypatch.setattr(judge_training, "WIDTH", 2)
    monkeypatch.setattr(judge_training, "MAX_STEPS", 2)
    first = judge_training.train_judge(small_data_set, 8, "memory")
    monkeypatch.setattr(judge_training, "MAX_STEPS", 600)
    # A pass over 32 pictures is a step here.
    monkeypatch.setattr(judge_training, "MAX_PASSES", 2)
    second = judge_training.train_judge(small_data_set, 8, "memory")
    assert steps == [2, 2]
    assert (first.compute_dtype, first.image_size, first.channels) == ("float32", 8, 3)
    for weights, other_weights in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(weights, other_weights, rtol=1e-4, atol=1e-6)
