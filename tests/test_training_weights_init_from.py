"""`zoo train --init-from PRESET_OR_RUN --freeze PART`: recorded, repeated, resumed, and refused."""

import json

import numpy as np
import pytest
from served_runs import files_in, run_zoo, trained_run

from training.trained_model import load_model
from zoo.dcgan.dcgan import DCGAN
from zoo.super_resolution.srcnn import SRCNN


@pytest.fixture
def train(capsys, tmp_path, monkeypatch, presets_dir, small_data_dir):
    """Runs `zoo train` in an empty directory, among small presets."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        return run_zoo(capsys, "train", *arguments)

    return run


@pytest.fixture
def small(small_data_dir):
    data = ("--dataset", "rendered_catalog", "--data-dir", small_data_dir)
    return (*data, "--epochs", 1, "--batch-size", 8, "--precision", "float32")


def weights_of(model, part=""):
    return {weight.path: weight.numpy() for weight in model.weights if weight.path.startswith(part)}


def assert_equal_weights(weights, others):
    assert weights.keys() == others.keys()
    for path, weight in weights.items():
        np.testing.assert_array_equal(weight, others[path])


def test_weights_to_begin_with_and_frozen_parts_are_recorded(train, small):
    options = (*small, "--init-from", "tiny_dcgan", "--dry-run")
    code, out, _ = train("dcgan", *options, "--freeze", "discriminator")
    config = json.loads(out)
    assert code == 0
    assert (config["init_from"], config["freeze"]) == ("tiny_dcgan", ["discriminator"])
    # Those of the preset: its weights fit no other network.
    assert (config["model_options"]["width"], config["model_options"]["latent_dim"]) == (4, 8)
    assert config["image_size"] == 16
    # Options go first, and are refused where the weights do not fit.
    config = json.loads(train("dcgan", *options, "--image-size", 8, "--loss", "hinge")[1])
    assert (config["model_options"]["loss"], config["image_size"]) == ("hinge", 8)
    code, _, error = train("dcgan", *options, "--width", 5)
    assert code == 1
    assert "width" in error


@pytest.mark.slow
def test_frozen_parts_stay_those_of_the_preset_through_resume_and_repetition(train, small, tmp_path):
    options = ("--init-from", "srcnn_x2", "--freeze", "patch_extraction")
    code, _, _ = train("srcnn", *small, *options, "--run-name", "first")
    preset = SRCNN.from_preset("srcnn_x2")
    assert code == 0
    first = weights_of(load_model(tmp_path / "runs" / "first"))
    for path, weight in weights_of(preset).items():
        assert np.array_equal(weight, first[path]) == path.startswith("patch_extraction/"), path
    card = (tmp_path / "runs" / "first" / "model_card.md").read_text()
    assert "Initialised with the weights of srcnn_x2. Frozen parts: patch_extraction." in card

    config = tmp_path / "runs" / "first" / "config.json"
    assert train("--config", config, "--run-name", "again")[0] == 0
    assert_equal_weights(weights_of(load_model(tmp_path / "runs" / "again")), first)

    assert train("--resume", "runs/first", "--epochs", 2)[0] == 0
    resumed = weights_of(load_model(tmp_path / "runs" / "first"))
    for path, weight in resumed.items():
        assert np.array_equal(weight, first[path]) == path.startswith("patch_extraction/"), path


@pytest.mark.slow
def test_a_frozen_discriminator_does_not_change(train, small, tmp_path):
    options = ("--init-from", "tiny_dcgan", "--freeze", "discriminator")
    assert train("dcgan", *small, *options, "--run-name", "first")[0] == 0
    model, preset = load_model(tmp_path / "runs" / "first"), DCGAN.from_preset("tiny_dcgan")
    assert_equal_weights(weights_of(model, "discriminator"), weights_of(preset, "discriminator"))
    assert not np.array_equal(model.weights[0], preset.weights[0])


def test_a_run_is_named_by_its_full_path(train, small, make_small_config, monkeypatch):
    run = trained_run("srcnn", make_small_config)
    monkeypatch.chdir(run.parent)
    code, out, _ = train("srcnn", *small, "--init-from", run.name, "--dry-run")
    assert code == 0
    assert json.loads(out)["init_from"] == str(run.resolve())


def test_what_is_taken_over_is_said(train, small, capsys, tmp_path):
    from zoo import cli

    words = ["train", "dcgan", *small, "--init-from", "tiny_dcgan", "--image-size", 8, "--run-name", "first"]
    with pytest.raises(SystemExit):
        cli.main([str(word) for word in words])
    error = capsys.readouterr().err
    assert "Weights of tiny_dcgan: " in error
    assert " layers taken over; new: generator_dense, " in error


REFUSED = {
    "neither": (
        ["srcnn", "--init-from", "srcnn_x5"],
        1,
        "Received: srcnn_x5, which is neither. Presets: srcnn_x2, tiny_cvae, tiny_dcgan.",
    ),
    "another model": (
        ["srcnn", "--init-from", "tiny_dcgan"],
        2,
        "because its weights must fit the model. Received: --init-from tiny_dcgan, a dcgan.",
    ),
    "another network": (
        ["srcnn", "--init-from", "srcnn_x2", "--kernels", "9-5-5"],
        1,
        "Options that differ: kernels (9-1-5 there, 9-5-5 here).",
    ),
    "unknown part": (
        ["srcnn", "--freeze", "patch_extraction,encoder"],
        2,
        "Unknown part of srcnn. Received: 'encoder'. Known: network, patch_extraction, non_linear_mapping,",
    ),
    "nothing left": (["srcnn", "--freeze", "network"], 1, "At least one part must remain trainable."),
}


@pytest.mark.parametrize("key", REFUSED)
def test_what_cannot_be_is_said_before_anything_is_written(train, small, tmp_path, key):
    arguments, exit_code, message = REFUSED[key]
    code, _, error = train(*arguments, *small)
    assert code == exit_code
    assert message in error
    assert files_in(tmp_path) == []


def test_resuming_takes_neither(train, make_small_config):
    run = trained_run("srcnn", make_small_config)
    code, _, error = train("--resume", run, "--init-from", "srcnn_x2", "--freeze", "network")
    assert code == 2
    different = "init_from 'srcnn_x2' instead of None, freeze ('network',) instead of ()."
    assert different in error
    assert "start a new run from its weights with --init-from" in error
