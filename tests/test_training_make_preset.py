"""`python -m training.make_preset`: writes a preset's two files, both or neither."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from served_runs import files_in, run_zoo
from small_presets import LICENCES, SCORES, evaluated_run

from training import make_preset as module
from training import train_command
from training.loop.trainer import start_training
from training.make_preset import command, make_preset
from training.pages.picture_sheet import PictureSheet
from training.preset_making.half_precision import check_half_scores
from training.preset_making.repeat_command import command_line
from training.recipes.base.registry import RECIPES
from training.runs.metrics_log import read_metrics
from training.trained_model import load_model
from zoo.errors import UnknownNameError
from zoo.presets import registry
from zoo.super_resolution.srcnn import SRCNN

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture
def run(make_small_config, tmp_path):
    return evaluated_run("srcnn", make_small_config, tmp_path / "run")


@pytest.fixture
def output(tmp_path, monkeypatch):
    """An empty directory that the package takes for that of its presets."""
    monkeypatch.setattr(registry, "DIRECTORY", tmp_path / "presets")
    return tmp_path / "presets"


def test_a_preset_says_all_about_its_training(run, output, small_data_set):
    made = make_preset(run, "srcnn_x2", **LICENCES)
    assert files_in(output) == ["srcnn_x2/preset.json", "srcnn_x2/weights.npz"]
    preset = registry.read_preset("srcnn_x2")
    assert preset == made
    assert (preset.model, preset.model_class) == ("srcnn", "SRCNN")
    assert preset.model_config.keys() >= {"upscale_factor", "kernels", "is_residual"}
    assert preset.model_config.keys().isdisjoint({"name", "trainable", "dtype"})
    assert preset.data == {"name": "rendered_catalog", "licence": "CC0", "num_training_images": 32}
    assert preset.training_config["batch_size"] == 3
    assert preset.training_config["data_dir"] is None
    assert preset.evaluation["scores"] == SCORES["srcnn"]
    assert preset.headline_scores == ["psnr", "bicubic_psnr"]
    assert preset.weights["dtype"] == "float32"
    assert preset.weights["num_values"] == 8032 + 97
    assert preset.minutes >= 0.0
    assert re.match(r"\d+ cores? of ", preset.hardware)
    assert preset.git_commit is None or re.fullmatch("[0-9a-f]{40}(-dirty)?", preset.git_commit)
    assert set(preset.versions) == {"product-image-zoo", "tensorflow", "keras", "numpy"}
    assert str(run.parent) not in preset.to_json()


@pytest.mark.slow
def test_a_run_that_began_with_another_one_is_repeated_from_the_first(make_small_config, tmp_path, output):
    first = start_training(make_small_config("srcnn", epochs=1), tmp_path / "a", "first")
    changes = {"epochs": 2, "init_from": str(first), "learning_rate": 0.5e-3}
    second = start_training(make_small_config("srcnn", **changes), tmp_path / "a", "second")
    (second / "evaluation.json").write_text(json.dumps({"scores": SCORES["srcnn"]}), encoding="utf-8")
    preset = make_preset(second, "srcnn_x2", **LICENCES)
    one, other = preset.command.split(" && ")
    assert one.startswith("zoo train srcnn ")
    assert one.endswith(" --run-name first")
    assert " --init-from runs/first" in other
    assert str(tmp_path) not in preset.to_json()
    seconds = [line["seconds"] for run in (first, second) for line in read_metrics(run / "metrics.jsonl")]
    assert preset.minutes == round(sum(seconds) / 60, 1)


def test_what_it_is_not_good_at_is_said(run, output):
    made = make_preset(run, "x", weak_at={"generate": "it draws smears"}, **LICENCES)
    assert registry.read_preset("x") == made
    assert made.weak_at == {"generate": "it draws smears"}
    assert "weak_at" not in json.loads(make_preset(run, "y", **LICENCES).to_json())


def test_the_headline_is_chosen(run, output):
    assert make_preset(run, "x", headline_scores=("bicubic_psnr",), **LICENCES).headline_scores == [
        "bicubic_psnr"
    ]
    with pytest.raises(UnknownNameError, match="Unknown score. Received: 'ssim'. Known: psnr, bicubic_psnr."):
        make_preset(run, "y", headline_scores=("ssim",), **LICENCES)
    assert files_in(output) == ["x/preset.json", "x/weights.npz"]


def test_half_precision_rounds_the_weights_and_shows_the_scores(run, output, capsys):
    make_preset(run, "srcnn_x2", is_half=True, **LICENCES)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["bicubic_psnr", "loss", "psnr", "sample sheet"]
    assert re.fullmatch(r"sample sheet: changes by [\d.e-]+ grey levels on average", lines[3])
    assert re.fullmatch(r"psnr: [\d.]+ in float32, [\d.]+ in float16", lines[2])
    assert registry.read_preset("srcnn_x2").weights["dtype"] == "float16"
    half, full = SRCNN.from_preset("srcnn_x2"), load_model(run)
    for weight, other in zip(half.weights, full.weights, strict=True):
        np.testing.assert_array_equal(weight, other.numpy().astype("float16").astype("float32"))
    single = make_preset(run, "single", **LICENCES)
    assert registry.read_preset("srcnn_x2").num_bytes < 0.7 * single.num_bytes


def test_half_precision_is_refused_where_a_score_suffers(run, output, monkeypatch):
    scores = iter([{"psnr": 30.0}, {"psnr": 29.98}])
    monkeypatch.setattr(type(RECIPES["srcnn"]), "score", lambda *_, **__: next(scores))
    message = (
        "Half precision must not change a score by more than 0.01. Received: psnr=29.98, before: 30. "
        "Leave out `--half`."
    )
    with pytest.raises(RuntimeError, match=re.escape(message)):
        make_preset(run, "srcnn_x2", is_half=True, **LICENCES)
    assert files_in(output) == []


def test_scores_may_move_by_a_hundredth_and_no_further():
    check_half_scores({"psnr": 30.0, "loss": 2.0}, {"psnr": 30.009, "loss": 2.019})
    for name, value in (("psnr", 30.02), ("loss", 2.03), ("loss", float("nan"))):
        with pytest.raises(RuntimeError, match=f"Received: {name}="):
            check_half_scores({"psnr": 30.0, "loss": 2.0}, {"psnr": 30.0, "loss": 2.0, name: value})


def test_half_precision_is_refused_where_the_pictures_suffer(run, output, monkeypatch):
    sheets = iter([PictureSheet(rows=[[np.full((2, 2, 1), level, "uint8")]]) for level in (9, 10)])
    monkeypatch.setattr(type(RECIPES["srcnn"]), "draw_samples", lambda *_: next(sheets))
    message = "must not change the sample sheet by more than 0.5 grey levels on average. Received: 1."
    with pytest.raises(RuntimeError, match=re.escape(message)):
        make_preset(run, "srcnn_x2", is_half=True, **LICENCES)
    assert files_in(output) == []


def test_weights_that_do_not_fit_half_precision_are_named(run, output, monkeypatch):
    model = SRCNN(2)
    model.weights[1].assign(np.full(64, 1e5))
    monkeypatch.setattr("training.trained_model.load_model", lambda *_: model)
    message = "Every weight must be finite in float16. Received: patch_extraction/bias, which is not."
    with pytest.raises(ValueError, match=re.escape(message)):
        make_preset(run, "srcnn_x2", is_half=True, **LICENCES)
    assert files_in(output) == []


@pytest.mark.parametrize("name", ["", "a/b", "..", "Shoes", "x 2", "2x", "a-b"])
def test_names_are_plain(run, output, name):
    message = f"because it becomes a directory. Received: {name!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        make_preset(run, name, **LICENCES)


def test_a_preset_that_exists_is_left_alone(run, output):
    (output / "srcnn_x2").mkdir(parents=True)
    message = f"A preset's directory must not exist yet. Received: {output / 'srcnn_x2'}, which exists."
    with pytest.raises(ValueError, match=re.escape(message)):
        make_preset(run, "srcnn_x2", **LICENCES)
    assert files_in(output) == []


def test_a_run_must_be_evaluated(run, output):
    (run / "evaluation.json").unlink()
    with pytest.raises(FileNotFoundError, match="The run must have been evaluated."):
        make_preset(run, "srcnn_x2", **LICENCES)
    assert not output.exists()


def test_a_failure_leaves_no_half_preset(run, output, monkeypatch):
    def fail():
        raise OSError("No space left")

    monkeypatch.setattr(module, "describe_hardware", fail)
    with pytest.raises(OSError, match="No space left"):
        make_preset(run, "srcnn_x2", **LICENCES)
    assert list(output.iterdir()) == []


def test_the_command_makes_a_preset(run, output):
    arguments = [str(run), "srcnn_x2", "--licence-data", "CC0", "--licence-weights", "Apache-2.0"]
    result = CliRunner().invoke(command, [*arguments, "--hardware", "a lamp", "--headline", "psnr"])
    assert result.exit_code == 0, result.output
    assert result.output == f"Wrote {output / 'srcnn_x2'}: 0.03 MiB\n"
    preset = registry.read_preset("srcnn_x2")
    assert (preset.hardware, preset.headline_scores) == ("a lamp", ["psnr"])


def test_the_command_says_what_is_wrong_in_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "training.make_preset", str(tmp_path), "x"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )
    assert (done.returncode, done.stderr) == (2, "zoo: error: Missing option '--licence-data'.\n")


TRAININGS = {
    "srcnn": {
        "seed": 3,
        "augment": ("flip", "colour"),
        "freeze": ("patch_extraction",),
        "init_from": "srcnn_x2",
        "schedule": "cosine",
        "model_options": {"upscale_factor": 3, "is_residual": True},
    },
    "dcgan": {
        "model_options": {"spectral_norm": True, "loss": "hinge"},
        "optimizer_options": {"discriminator_rate": 2.0},
    },
    "classifier": {"augment": (), "model_options": {}},
}


@pytest.mark.parametrize("model", TRAININGS)
def test_the_command_line_repeats_the_training(make_small_config, small_data_set, capsys, presets_dir, model):
    most = {name: list(values[1:]) for name, values in small_data_set.attributes.items()}
    changes = {"cache": "none", "only": most if model == "dcgan" else {}, **TRAININGS[model]}
    for group in ("model_options", "optimizer_options"):
        changes[group] = {**getattr(RECIPES[model], group), **changes.get(group, {})}
    config = make_small_config(model, **changes)
    words = shlex.split(command_line(config, train_command.command.params))
    assert words[:3] == ["zoo", "train", model]
    code, out, _ = run_zoo(capsys, *words[1:], "--dry-run")
    assert (code, json.loads(out)) == (0, json.loads(config.to_json()))
