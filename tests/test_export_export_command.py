"""`zoo export`, with runs that cannot be exported."""

import json
import shutil

import pytest
from served_runs import files_in, run_zoo, trained_run
from small_presets import SCORES

from export.versions.manifest import check_manifest


@pytest.fixture
def run(make_small_config):
    return trained_run("dcgan", make_small_config)


@pytest.fixture
def changed_run(run, tmp_path):
    """Given a function that changes a directory, returns a copy of the run that it has changed."""

    def make(change):
        copy = tmp_path / "changed-run"
        shutil.copytree(run, copy, ignore=shutil.ignore_patterns("tensorboard", "checkpoints"))
        change(copy)
        return copy

    return make


def test_versions_are_published_and_existing_ones_refused(capsys, run, tmp_path):
    models_dir = tmp_path / "models"
    code, out, _ = run_zoo(capsys, "export", run, "--models-dir", models_dir, "--version", 3)
    version_dir = models_dir / "dcgan" / "3"
    assert code == 0
    assert out.splitlines() == [f"Version: {version_dir}", f"Serve it: zoo serve --models-dir {models_dir}"]
    check_manifest(version_dir)

    before = files_in(models_dir)
    code, _, error = run_zoo(capsys, "export", run, "--models-dir", models_dir, "--version", 3)
    assert code == 1
    assert "Received: version=3, existing: 3. Leave it out to get 4." in error
    assert files_in(models_dir) == before


def test_dry_run_names_model_and_signatures_and_writes_nothing(capsys, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run_zoo(capsys, "export", run, "--dry-run")
    assert code == 0
    assert out.splitlines() == [
        "Model name: dcgan",
        "generate_png: seed, category, colour, pattern",
        "generate: seed, category, colour, pattern",
        "decode: latents, category, colour, pattern",
    ]
    assert run_zoo(capsys, "export", run, "--dry-run", "--model-name", "painter")[1].startswith(
        "Model name: painter\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_preset_is_exported_and_named_in_the_manifest(capsys, presets_dir, tmp_path):
    code, out, _ = run_zoo(capsys, "export", "srcnn_x2", "--models-dir", tmp_path / "models")
    version_dir = tmp_path / "models" / "srcnn_x2" / "1"
    assert (code, out.splitlines()[0]) == (0, f"Version: {version_dir}")
    manifest = check_manifest(version_dir)
    assert (manifest["model"], manifest["preset"]) == ("srcnn", "srcnn_x2")
    assert "run" not in manifest
    assert manifest["scores"] == SCORES["srcnn"]
    code, out, _ = run_zoo(capsys, "export", "tiny_dcgan", "--dry-run")
    assert (code, out.splitlines()[0]) == (0, "Model name: dcgan")


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
@pytest.mark.parametrize("name", ["a/b", "../dcgan", "", "-v"])
def test_model_names_that_cannot_be_served_are_wrong_usage(capsys, run, tmp_path, name, options):
    models_dir = tmp_path / "models"
    arguments = ["export", run, "--models-dir", models_dir, f"--model-name={name}", *options]
    code, out, error = run_zoo(capsys, *arguments)
    assert (code, out) == (2, "")
    assert f"because it becomes a directory and part of a URL. Received: model_name={name!r}." in error
    assert not models_dir.exists()


@pytest.mark.parametrize("version", ["0", "-1", "1.5", "latest"])
def test_versions_that_are_no_positive_integers_are_wrong_usage(capsys, run, tmp_path, version):
    code, _, error = run_zoo(capsys, "export", run, "--models-dir", tmp_path, f"--version={version}")
    assert code == 2
    assert "'--version'" in error
    assert list(tmp_path.iterdir()) == []


def change_config(**changes):
    def change(run):
        config = json.loads((run / "config.json").read_text())
        (run / "config.json").write_text(json.dumps({**config, **changes}))

    return change


def cut_model(run):
    path = run / "model.keras"
    path.write_bytes(path.read_bytes()[:1000])


BAD_RUNS = {
    "missing": (
        shutil.rmtree,
        "A trained model must be a run directory or the name of a preset. Received: {run}, which is",
    ),
    "unfinished": (
        lambda run: (run / "model.keras").unlink(),
        "Received: {run}, where model.keras is missing. Finish it: zoo train --resume {run}",
    ),
    "no run": (
        lambda run: (run / "config.json").unlink(),
        "A run directory must contain config.json. Received: {run}, where it is missing.",
    ),
    "of another format": (change_config(format=2), "of format 2 (no other difference). Train again"),
    "of another version": (change_config(teacher="x"), "of format 1 (unknown: teacher). Train again"),
    "with half a config": (
        lambda run: (run / "config.json").write_text('{"format": 1,'),
        "A config file must be JSON with a `format`. Received: {run}/config.json.",
    ),
    "with half a model": (
        cut_model,
        "A run's model must be undamaged and saved by this version. Received: {run}/model.keras, which",
    ),
    "with half an evaluation": (
        lambda run: (run / "evaluation.json").write_text("{"),
        (
            "An evaluation must be as `zoo evaluate` wrote it. Received: {run}/evaluation.json, which is "
            "damaged. Evaluate the run again: zoo evaluate {run}"
        ),
    ),
}


@pytest.mark.parametrize("key", BAD_RUNS)
def test_run_that_cannot_be_exported_says_why(capsys, changed_run, tmp_path, key):
    change, message = BAD_RUNS[key]
    run = changed_run(change)
    code, out, error = run_zoo(capsys, "export", run, "--models-dir", tmp_path / "models")
    assert (code, out) == (1, "")
    assert message.format(run=run) in error
    assert not (tmp_path / "models").exists()


def test_run_of_a_model_that_does_not_exist_is_told_with_those_that_do(capsys, changed_run, tmp_path):
    run = changed_run(change_config(model="pixel_cnn"))
    code, _, error = run_zoo(capsys, "export", run, "--models-dir", tmp_path / "models")
    assert code == 2
    assert error == (
        "Unknown model. Received: 'pixel_cnn'. "
        "Known: autoencoder, classifier, clean, conditional_vae, cutout, dcgan, ecbsr, fsrcnn, latent_flow, "
        "recolour, srcnn, style. "
        f"{run}/config.json names it: install the version that made the run."
    )


def test_models_dir_that_cannot_be_written_says_so(capsys, run, tmp_path):
    (tmp_path / "models").write_text("a file")
    code, _, error = run_zoo(capsys, "export", run, "--models-dir", tmp_path / "models")
    assert code == 2
    assert "--models-dir" in error
    assert "is a file" in error


def test_export_needs_a_run(capsys):
    assert run_zoo(capsys, "export")[0] == 2
