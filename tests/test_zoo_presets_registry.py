"""Presets: listed without TensorFlow, loaded by their own class, refused when damaged."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from served_runs import run_zoo, trained_run
from small_presets import NAMES, SCORES

from training.recipes.base.registry import RECIPES
from training.trained_model import load_model, load_run_or_preset
from zoo.conditional_vae.conditional_vae import ConditionalVAE
from zoo.dcgan.dcgan import DCGAN
from zoo.errors import UnknownNameError
from zoo.presets import registry
from zoo.presets.from_preset import FromPreset
from zoo.presets.registry import list_presets, read_preset, score_value
from zoo.super_resolution.srcnn import SRCNN

REPOSITORY = Path(__file__).parent.parent
CLASSES = {"dcgan": DCGAN, "conditional_vae": ConditionalVAE, "srcnn": SRCNN}
MAX_TOTAL_BYTES = 60 << 20
HEAVY = {"tensorflow", "keras", "numpy", "PIL", "tensorflow_datasets", "grpc"}
REINSTALL = "Install the package again: pip install --force-reinstall --no-deps product-image-zoo"


def test_presets_are_listed_by_name(presets_dir):
    assert list_presets() == sorted(NAMES.values())


def test_a_package_without_presets_lists_none(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "DIRECTORY", tmp_path / "none")
    assert list_presets() == []
    assert run_zoo(capsys, "presets") == (0, "This version ships no presets.\n", "")
    with pytest.raises(UnknownNameError, match=re.escape("Received: 'srcnn_x2'. Known: none.")):
        SRCNN.from_preset("srcnn_x2")


@pytest.mark.parametrize("model", NAMES)
def test_a_preset_is_the_model_of_the_run(presets_dir, make_small_config, model):
    loaded = CLASSES[model].from_preset(NAMES[model])
    expected = load_model(trained_run(model, make_small_config))
    assert type(loaded) is CLASSES[model]
    # Where there is a moving average, it stands for what it is the average of, too.
    averages = {w.path.removeprefix("ema_"): w for w in expected.weights if w.path.startswith("ema_")}
    for weight, other in zip(loaded.weights, expected.weights, strict=True):
        assert weight.path == other.path
        np.testing.assert_array_equal(weight, averages.get(other.path, other))


def test_a_preset_generates_what_the_run_generates(presets_dir, make_small_config):
    latents = tf.random.stateless_normal([3, 8], [0, 0])
    attribute_ids = dict.fromkeys(("category", "colour", "pattern"), tf.constant([0, 1, 2]))
    images = DCGAN.from_preset("tiny_dcgan")(latents, attribute_ids)
    run = load_model(trained_run("dcgan", make_small_config))
    np.testing.assert_array_equal(images, run(latents, attribute_ids))


def test_weights_are_float32_under_every_policy(presets_dir):
    mixed = SRCNN.from_preset("srcnn_x2", dtype="mixed_bfloat16")
    assert mixed.compute_dtype == "bfloat16"
    for weight, other in zip(mixed.weights, SRCNN.from_preset("srcnn_x2").weights, strict=True):
        assert weight.dtype == "float32"
        np.testing.assert_array_equal(weight, other)


def test_a_preset_can_be_trained_on(presets_dir):
    model = DCGAN.from_preset("tiny_dcgan")
    model.compile(jit_compile=False)
    ids = dict.fromkeys(model.attributes, tf.constant([0, 1]))
    images = tf.random.stateless_uniform([2, 16, 16, 3], [0, 0], 0, 256, "int32")
    before = model.discriminator.get_weights()
    logs = model.train_step((tf.cast(images, "uint8"), ids))
    assert all(np.isfinite(value) for value in logs.values())
    assert not np.array_equal(before[0], model.discriminator.get_weights()[0])


def test_a_preset_of_another_class_is_refused_with_those_of_this_one(presets_dir):
    message = (
        "The preset must belong to the class that loads it, DCGAN. Received: 'srcnn_x2', a preset "
        "of SRCNN. Presets of DCGAN: tiny_dcgan."
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        DCGAN.from_preset("srcnn_x2")


def test_an_unknown_preset_is_answered_with_those_that_exist(presets_dir, capsys):
    message = "Unknown preset. Received: 'shoes'. Known: srcnn_x2, tiny_cvae, tiny_dcgan."
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        DCGAN.from_preset("shoes")
    assert run_zoo(capsys, "presets", "shoes") == (2, "", message)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_without_a_slash_is_never_taken_for_a_path(presets_dir, name):
    with pytest.raises(UnknownNameError, match="Unknown preset"):
        read_preset(name)


@pytest.mark.parametrize("name", ["../preset_files/srcnn_x2", "/", "./srcnn_x2"])
def test_a_path_does_not_begin_in_the_package(presets_dir, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="A preset's folder must contain"):
        read_preset(name)


def test_every_model_has_presets():
    for recipe in RECIPES.values():
        assert issubclass(recipe.import_model_class(), FromPreset), recipe.model_name


def test_damaged_weights_say_which_file_and_what_was_expected(presets_dir):
    path = presets_dir / "srcnn_x2" / "weights.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found, expected = registry.file_sha256(path), read_preset("srcnn_x2").weights["sha256"]
    message = (
        f"The weights of the preset srcnn_x2 must match their checksum. Received: {path} with "
        f"sha256={found}, expected sha256={expected}. {REINSTALL}"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        SRCNN.from_preset("srcnn_x2")
    path.unlink()
    with pytest.raises(ValueError, match=re.escape(f"{path} with sha256=no such file, expected")):
        SRCNN.from_preset("srcnn_x2")


def change_description(presets_dir, **changes):
    path = presets_dir / "srcnn_x2" / "preset.json"
    values = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({name: value for name, value in values.items() if value is not ...}))
    return path


@pytest.mark.parametrize("text", ["", "{", "3", "null"])
def test_a_damaged_description_is_named(presets_dir, text):
    path = presets_dir / "srcnn_x2" / "preset.json"
    path.write_text(text)
    message = f"A preset's description must be JSON. Received: {path}. {REINSTALL}"
    with pytest.raises(ValueError, match=re.escape(message)):
        read_preset("srcnn_x2")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"format": 2}, "of format 2, differing fields: none."),
        ({"licence": ...}, "of format 1, differing fields: licence."),
        ({"format": 0, "teacher": "x"}, "of format 0, differing fields: teacher."),
    ],
)
def test_a_description_of_another_version_says_what_differs(presets_dir, changes, problem):
    path = change_description(presets_dir, **changes)
    message = (
        f"must have format 1, the only one that this version reads. Received: {path} {problem} {REINSTALL}"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        read_preset("srcnn_x2")


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"upscale_factor": 2, "depth": 3}, "depth"),
        ({"upscale_factor": 2, "kernels": "9-5-5"}, "shape"),
    ],
)
def test_weights_of_another_version_are_refused(presets_dir, config, problem):
    change_description(presets_dir, model_config=config)
    message = (
        "The preset srcnn_x2 must belong to the installed version of the package. Received: a preset that "
        "cannot be loaded: .*" + problem
    )
    with pytest.raises(ValueError, match=re.compile(message, re.DOTALL)):
        SRCNN.from_preset("srcnn_x2")


def test_weights_that_the_model_lacks_are_named(presets_dir):
    path = presets_dir / "srcnn_x2" / "weights.npz"
    with np.load(path) as arrays:
        kept = {name: arrays[name] for name in arrays.files if name != "reconstruction/bias"}
    np.savez(path, **kept, extra=np.zeros(1))
    change_description(presets_dir, weights={"sha256": registry.file_sha256(path)})
    message = "Weights found only in the model or only in weights.npz: extra, reconstruction/bias."
    with pytest.raises(ValueError, match=re.escape(message)):
        SRCNN.from_preset("srcnn_x2")


def test_the_list_has_a_line_for_each_preset(presets_dir, capsys):
    code, out, _ = run_zoo(capsys, "presets")
    assert code == 0
    head, *lines = out.splitlines()
    assert re.split(r"  +", head) == ["preset", "model", "data", "licence of the weights", "MiB", "measured"]
    cells = [re.split(r"  +", line) for line in lines]
    assert [row[:4] for row in cells] == [
        [NAMES[model], model, "rendered_catalog", "Apache-2.0"]
        for model in ("srcnn", "conditional_vae", "dcgan")
    ]
    assert [row[5] for row in cells] == [
        "psnr 30.5, bicubic_psnr 29",
        "psnr 20.25, attribute_accuracy 0.75",
        "frechet_distance 12.5, recall 0.5",
    ]


@pytest.mark.parametrize("damage", ["no weights", "no JSON"])
def test_a_damaged_preset_is_told_beside_the_others(presets_dir, capsys, damage):
    if damage == "no weights":
        path = presets_dir / "tiny_cvae" / "weights.npz"
        path.unlink()
    else:
        path = presets_dir / "tiny_cvae" / "preset.json"
        path.write_text("{")
    code, out, error = run_zoo(capsys, "presets")
    assert code == 1
    assert [line.split()[0] for line in out.splitlines()] == ["preset", "srcnn_x2", "tiny_dcgan"]
    assert f"Received: {path}" in error
    assert error.endswith(REINSTALL)
    code, out, error = run_zoo(capsys, "presets", "--json")
    assert (code, list(json.loads(out))) == (1, ["srcnn_x2", "tiny_dcgan"])
    code, out, error = run_zoo(capsys, "presets", "tiny_cvae")
    assert (code, out) == (1, "")
    assert f"Received: {path}" in error
    assert run_zoo(capsys, "presets", "tiny_dcgan")[0] == 0


def test_a_preset_has_a_page(presets_dir, capsys):
    code, out, _ = run_zoo(capsys, "presets", "tiny_dcgan")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "tiny_dcgan"
    assert "  model: DCGAN (zoo train dcgan)" in lines
    assert "  licence of the photos: CC0" in lines
    assert "  * frechet_distance: 12.5" in lines
    assert lines[-1] == "All of it: zoo presets tiny_dcgan --json"


def test_all_about_a_preset_is_json(presets_dir, capsys, small_data_set):
    code, out, _ = run_zoo(capsys, "presets", "tiny_dcgan", "--json")
    values = json.loads(out)
    assert code == 0
    assert values["model_config"]["attributes"]["category"] == list(small_data_set.attributes["category"])
    assert values["evaluation"]["scores"] == SCORES["dcgan"]
    assert values["evaluation"]["num_images"] == 4
    assert (values["licence"], values["data"]["licence"], values["hardware"]) == (
        "Apache-2.0",
        "CC0",
        "a test",
    )
    assert values["training_config"]["seed"] == 0
    assert values["command"].startswith("zoo train dcgan --dataset rendered_catalog --epochs 1 ")
    everything = json.loads(run_zoo(capsys, "presets", "--json")[1])
    assert list(everything) == list_presets()
    assert everything["tiny_dcgan"] == values


def test_listing_imports_nothing_heavy():
    script = (
        "import atexit, sys; from zoo.cli import main;"
        "atexit.register(lambda: print(*sys.modules, sep='\\n', file=sys.stderr)); main(['presets'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    assert HEAVY & set(done.stderr.split()) == set()


def test_a_score_may_have_an_interval():
    assert score_value(0.5) == score_value({"value": 0.5, "interval": [0.4, 0.6]}) == 0.5


def test_what_ships_is_small_whole_and_loads():
    total = 0
    for name in list_presets():
        preset = read_preset(name)
        assert set(preset.headline_scores) <= set(preset.evaluation["scores"])
        assert preset.data["licence"]
        assert preset.licence
        assert load_run_or_preset(name).model.count_params() > 0  # by the checksum
        total += preset.num_bytes
    assert total <= MAX_TOTAL_BYTES
