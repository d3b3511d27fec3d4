"""`zoo export --require`: a score that is not reached stops an export before anything is written."""

import json

import pytest
from served_runs import run_zoo, trained_run
from small_presets import evaluated_run

from export.saved_model.quality_gate import Requirement, parse_requirement
from export.versions.manifest import read_manifest
from zoo.errors import WrongUsageError

SCORES = {
    "psnr": {"value": 30.5, "interval": [29.0, 32.0], "unit": "dB"},
    "ssim": {"value": float("nan"), "unit": "at most 1"},
    "recall": 0.25,
    "precision": {"value": 1.0, "unit": "share", "doubt": "The pictures hardly differ"},
}


@pytest.fixture
def run(make_small_config, tmp_path):
    run = evaluated_run("dcgan", make_small_config, tmp_path / "run")
    (run / "evaluation.json").write_text(json.dumps({"model": "dcgan", "scores": SCORES}))
    return run


def export(capsys, run, tmp_path, *requirements, dry_run=False):
    options = [f"--require={requirement}" for requirement in requirements] + ["--dry-run"] * dry_run
    return run_zoo(capsys, "export", run, "--models-dir", tmp_path / "models", *options)


def test_requirements_are_read_with_and_without_a_unit():
    assert parse_requirement("psnr>=30") == Requirement("psnr", ">=", 30.0, "")
    assert parse_requirement(" psnr < -1.5e3  grey levels ") == Requirement("psnr", "<", -1500, "grey levels")
    assert str(parse_requirement("recall>.5")) == "recall>0.5"


@pytest.mark.parametrize(
    "text", ["", "psnr", "psnr=30", "psnr==30", ">=30", "psnr>=", "psnr>=many", "1<psnr<2", "psnr>=nan"]
)
def test_what_is_no_requirement_is_wrong_usage(capsys, run, tmp_path, text):
    with pytest.raises(
        WrongUsageError, match="`--require` must be a score, one of >=, >, <=, <, and a number"
    ):
        parse_requirement(text)
    code, _, error = export(capsys, run, tmp_path, text)
    assert code == 2
    assert f"Received: {text!r}" in error


@pytest.mark.parametrize(
    ("requirement", "measured"),
    [
        ("psnr>=30.6 dB", "psnr=30.5 dB (95 % interval 29 to 32)."),
        ("psnr>30.5", "psnr=30.5 dB (95 % interval 29 to 32)."),
        ("recall<0.25", "recall=0.25."),
        ("recall<=0.2", "recall=0.25."),
        ("ssim>=0.1", "ssim=nan at most 1."),
        ("ssim<0.1", "ssim=nan at most 1."),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_score_that_is_not_reached_is_told_and_nothing_written(
    capsys, run, tmp_path, requirement, measured, dry_run
):
    code, out, error = export(capsys, run, tmp_path, "psnr>=1", requirement, dry_run=dry_run)
    assert (code, out) == (1, "")
    assert f"Received: {requirement}, measured: {measured} Nothing was written. Train longer" in error
    assert not (tmp_path / "models").exists()


def test_a_doubtful_score_meets_no_requirement(capsys, run, tmp_path):
    code, _, error = export(capsys, run, tmp_path, "psnr>=1", "precision>=0.5")
    assert code == 1
    assert "Received: precision>=0.5; of it the evaluation says: The pictures hardly differ." in error
    assert not (tmp_path / "models").exists()


def test_requirements_that_are_met_are_in_the_manifest(capsys, run, tmp_path):
    code, _, _ = export(capsys, run, tmp_path, "psnr>=30.5", "recall<=0.25", "psnr<31 dB")
    assert code == 0
    options = read_manifest(tmp_path / "models" / "dcgan" / "1")["options"]
    assert options["requirements"] == ["psnr>=30.5", "recall<=0.25", "psnr<31 dB"]


def test_an_unknown_score_is_answered_with_those_that_exist(capsys, run, tmp_path):
    code, _, error = export(capsys, run, tmp_path, "pnsr>=30")
    assert code == 1
    assert "Received: pnsr>=30, scores of run: psnr, ssim, recall, precision. Name one of these" in error
    assert error.endswith(f"zoo evaluate {run}")


def test_another_unit_is_refused(capsys, run, tmp_path):
    assert "Received: psnr>=30 %, unit of psnr: dB." in export(capsys, run, tmp_path, "psnr>=30 %")[2]
    assert "Received: recall>=0 dB, unit of recall: none." in export(capsys, run, tmp_path, "recall>=0 dB")[2]


def test_a_run_without_an_evaluation_is_told_to_be_evaluated(capsys, make_small_config, tmp_path):
    run = trained_run("dcgan", make_small_config)
    code, _, error = export(capsys, run, tmp_path, "recall>=0")
    assert code == 1
    assert (
        f"must have been evaluated. Received: {run}, where evaluation.json is missing. "
        "Evaluate it: zoo evaluate"
    ) in error
    assert not (tmp_path / "models").exists()


def test_the_scores_of_a_preset_count(capsys, presets_dir, tmp_path):
    assert export(capsys, "srcnn_x2", tmp_path, "psnr>=30.5", dry_run=True)[0] == 0
    code, _, error = export(capsys, "srcnn_x2", tmp_path, "psnr>30.5")
    assert code == 1
    assert "Received: psnr>30.5, measured: psnr=30.5." in error
