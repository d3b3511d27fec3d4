"""Models that learn nothing: found by name, exported, and not taken for what can be evaluated or trained."""

import pytest
from served_runs import run_zoo

from export.versions.manifest import read_manifest
from training.recipes.base.registry import RECIPES
from training.trained_model import find_model, load_run_or_preset
from training.untrained_models import UNTRAINED, kind_of
from zoo.stitching.stitcher import Stitcher
from zoo.super_resolution.srcnn import SRCNN


def test_they_share_no_name_with_a_recipe():
    assert not UNTRAINED.keys() & set(RECIPES)


def test_they_are_found_by_name_and_have_no_weights():
    source = find_model("stitch")
    assert (source.kind, source.reference, source.scores) == ("untrained", "stitch", {})
    assert isinstance(source.model, Stitcher)
    assert source.model.weights == []
    assert find_model("srcnn_x2").kind == "preset"
    with pytest.raises(FileNotFoundError, match="must be a run directory or the name of a preset"):
        load_run_or_preset("stitch")


def test_a_models_kind_is_its_recipe_or_its_entry():
    assert kind_of(Stitcher()) is UNTRAINED["stitch"]
    assert kind_of(SRCNN(upscale_factor=2)) is RECIPES["srcnn"]
    with pytest.raises(TypeError, match="Received: a model of class object"):
        kind_of(object())


def test_they_are_exported_by_name(capsys, tmp_path):
    code, out, err = run_zoo(capsys, "export", "stitch", "--dry-run")
    assert (code, err) == (0, "")
    assert out == "Model name: stitch\nstitch: image_bytes, homographies, blend\n"
    models_dir = tmp_path / "models"
    assert run_zoo(capsys, "export", "stitch", "--models-dir", models_dir)[0] == 0
    manifest = read_manifest(models_dir / "stitch" / "1")
    assert manifest["untrained"] == "stitch"
    assert run_zoo(capsys, "export", "verify", models_dir / "stitch" / "1")[0] == 0


@pytest.mark.parametrize("arguments", [["evaluate", "stitch"], ["train", "srcnn", "--init-from", "stitch"]])
def test_they_are_neither_evaluated_nor_trained(capsys, arguments):
    code, _, err = run_zoo(capsys, *arguments)
    assert code in (1, 2)
    assert "A trained model must be a run directory or the name of a preset. Received: stitch" in err


def test_what_needs_weights_or_super_resolution_is_refused(capsys):
    code, _, err = run_zoo(capsys, "export", "stitch", "--require", "psnr>=30")
    assert (code, "`--require` needs a model with scores. Received: stitch" in err) == (1, True)
    for option in (["--compare-variants"], ["--variant", "frozen"]):
        code, _, err = run_zoo(capsys, "export", "stitch", *option)
        assert (code, "A variant differs in its weights" in err) == (1, True)
    code, _, err = run_zoo(capsys, "export", "stitch", "--tflite", "a.tflite")
    assert (code, "can become TFLite files" in err) == (1, True)
