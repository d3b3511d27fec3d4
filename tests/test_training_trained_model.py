"""Trained models by run directory or preset name: which one a text means, and the error if neither."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from served_runs import run_zoo
from small_presets import NAMES, SCORES, evaluated_run

from training.trained_model import find_preset, find_run_or_preset, load_run_or_preset, read_evaluation
from zoo.errors import UnknownNameError
from zoo.presets.registry import score_value
from zoo.super_resolution.srcnn import SRCNN


@pytest.fixture
def run(make_small_config, tmp_path):
    return evaluated_run("srcnn", make_small_config, tmp_path / "run")


def test_a_run_is_found_by_its_path(run, make_small_config):
    source = load_run_or_preset(str(run))
    assert (source.kind, source.name, source.directory) == ("run", "run", run)
    assert source.reference == str(run.resolve())
    assert source.config.model == "srcnn"
    assert isinstance(source.model, SRCNN)
    assert source.scores == SCORES["srcnn"]


def test_a_preset_is_found_by_its_name(presets_dir):
    for model, name in NAMES.items():
        source = load_run_or_preset(name)
        assert (source.kind, source.name, source.reference) == ("preset", name, name)
        assert source.config.model == model
        assert source.config.data_dir is None
        assert source.scores == {key: score_value(score) for key, score in SCORES[model].items()}


def test_a_preset_is_loaded_in_the_precision_asked_for(presets_dir):
    assert find_preset("srcnn_x2").load_model("mixed_bfloat16").compute_dtype == "bfloat16"
    assert find_preset("srcnn_x2").model.compute_dtype == "float32"


def test_scores_of_a_run_are_those_of_the_last_epoch_until_it_is_evaluated(run):
    (run / "evaluation.json").unlink()
    scores = find_run_or_preset(str(run)).scores
    assert set(scores) == {"val_loss", "val_psnr", "val_bicubic_psnr"}
    (run / "metrics.jsonl").unlink()
    assert find_run_or_preset(str(run)).scores == {}


def test_a_run_goes_before_a_preset_of_its_name_and_any_other_directory_does_not(
    run, presets_dir, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "srcnn_x2").mkdir()
    assert find_run_or_preset("srcnn_x2").kind == "preset"
    shutil.copy(run / "config.json", tmp_path / "srcnn_x2")
    assert find_run_or_preset("srcnn_x2").kind == "run"


def test_a_preset_in_a_folder_is_found_by_its_path_with_all_that_is_known(presets_dir, tmp_path):
    folder = tmp_path / "srcnn_of_a_shop"
    shutil.copytree(presets_dir / "srcnn_x2", folder)
    source = load_run_or_preset(str(folder))
    assert (source.kind, source.name, source.reference) == ("preset", "srcnn_of_a_shop", str(folder))
    assert source.config == find_preset("srcnn_x2").config
    assert source.scores == find_preset("srcnn_x2").scores
    np.testing.assert_array_equal(source.model.weights[0], find_preset("srcnn_x2").model.weights[0])


def test_a_folder_comes_without_a_slash_too_unless_a_preset_of_the_package_is_called_so(
    presets_dir, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("shop", "srcnn_x2"):
        SRCNN(upscale_factor=4).save_to_preset(f"./{name}")
    assert find_run_or_preset("shop").directory.resolve() == tmp_path / "shop"
    assert find_run_or_preset("srcnn_x2").directory == presets_dir / "srcnn_x2"
    assert find_run_or_preset("./srcnn_x2").directory.resolve() == tmp_path / "srcnn_x2"


@pytest.mark.slow
def test_a_saved_model_is_exported_and_asked_and_says_why_it_is_no_more(tmp_path, capsys):
    folder = tmp_path / "shop"
    SRCNN(upscale_factor=3).save_to_preset(folder)
    source = find_run_or_preset(str(folder))
    assert (source.recipe.model_name, source.scores) == ("srcnn", {})
    code, out, error = run_zoo(capsys, "export", folder, "--models-dir", tmp_path / "models")
    assert code == 0, error
    manifest = tmp_path / "models" / "srcnn_x3" / "1" / "assets.extra" / "manifest.json"
    assert json.loads(manifest.read_text())["preset"] == "shop"
    photo = tmp_path / "photo.png"
    Image.new("RGB", (5, 4)).save(photo)
    words = ("--preset", folder, "--factor", 3, "--output", tmp_path / "large")
    code, out, error = run_zoo(capsys, "upscale", photo, *words)
    assert code == 0, error
    assert Image.open(tmp_path / "large" / "photo.png").size == (15, 12)

    message = (
        "A model to evaluate or to train further must record the configuration of its training. Received: "
        f"{folder}, which `save_to_preset` wrote without one. Name the run directory, or a preset made from "
        "it by python -m training.make_preset."
    )
    for words in (("evaluate", folder), ("train", "srcnn", "--init-from", folder, "--dry-run")):
        assert run_zoo(capsys, *words)[::2] == (1, message)
    code, out, error = run_zoo(capsys, "export", folder, "--require", "psnr>=30")
    assert "scores of shop: none. Name one of these, or measure it" in error


def test_a_saved_model_of_a_class_without_a_recipe_is_refused(tmp_path):
    SRCNN(upscale_factor=3).save_to_preset(tmp_path / "shop")
    path = tmp_path / "shop" / "preset.json"
    path.write_text(path.read_text().replace('"SRCNN"', '"EDSR"'))
    with pytest.raises(UnknownNameError, match="Unknown model's class. Received: 'EDSR'. Known: .*SRCNN"):
        find_run_or_preset(str(tmp_path / "shop")).load_model()


def test_what_is_neither_is_told_with_the_presets(presets_dir):
    message = (
        "A trained model must be a run directory or the name of a preset. Received: shoes, which is neither. "
        "Presets: srcnn_x2, tiny_cvae, tiny_dcgan."
    )
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        find_run_or_preset("shoes")


def test_a_directory_that_is_no_run_says_what_it_lacks(presets_dir, tmp_path):
    message = f"A run directory must contain config.json. Received: {tmp_path}, where it is missing."
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        find_run_or_preset(str(tmp_path))


def test_a_preset_of_a_model_that_this_version_lacks_is_refused(presets_dir):
    path = presets_dir / "srcnn_x2" / "preset.json"
    path.write_text(path.read_text().replace('"model": "srcnn"', '"model": "edsr"'))
    source = find_run_or_preset("srcnn_x2")
    with pytest.raises(UnknownNameError, match="Unknown model. Received: 'edsr'.*Install the package again"):
        source.load_model()


def test_a_preset_of_a_training_of_another_version_is_refused(presets_dir):
    path = presets_dir / "srcnn_x2" / "preset.json"
    path.write_text(path.read_text().replace('"degrade": []', '"degrades": []'))
    message = f"Received: {path} of format 1 (unknown: degrades)."
    with pytest.raises(ValueError, match=re.escape(message)):
        find_run_or_preset("srcnn_x2")


def test_a_run_that_is_not_evaluated_says_how_to_evaluate_it(run):
    (run / "evaluation.json").unlink()
    message = (
        f"The run must have been evaluated. Received: {run}, where evaluation.json is missing. "
        f"Evaluate it: zoo evaluate {run}"
    )
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        read_evaluation(run)


def test_weights_are_read_when_the_model_is_asked_for(presets_dir):
    (presets_dir / "srcnn_x2" / "weights.npz").write_bytes(b"")
    source = find_run_or_preset("srcnn_x2")
    with pytest.raises(ValueError, match="must match their checksum"):
        source.load_model()
    with pytest.raises(ValueError, match="must match their checksum"):
        load_run_or_preset("srcnn_x2")


def test_a_model_is_loaded_once(presets_dir):
    source = find_preset("srcnn_x2")
    assert source.model is source.model
    assert np.any(source.model.weights[0])
