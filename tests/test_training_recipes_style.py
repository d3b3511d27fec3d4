"""Training style transfer: a run, its samples, exact resume, its evaluation, and what it needs."""

import json

import numpy as np
import pytest
from loss_network_file import write_loss_network
from PIL import Image
from served_runs import run_zoo

from training.evaluation.evaluation import evaluate_run
from training.evaluation.measures.sliced_distance import sliced_distance
from training.evaluation.stylings import find_content, find_effect, score_stylings
from training.loop.resume import resume_training
from training.loop.trainer import start_training
from training.runs.config import TrainingConfig
from training.runs.run_control import RunControl
from training.style.drawings import DRAWINGS
from training.trained_model import load_run_or_preset

STYLES = ("sand", "sea")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Photos, style pictures and a loss network."""
    directory = tmp_path_factory.mktemp("style")
    generator = np.random.default_rng(0)
    for folder, names, side in (("photos", map(str, range(12)), 80), ("styles", STYLES, 64)):
        (directory / folder).mkdir()
        for name in names:
            coarse = Image.fromarray(generator.integers(0, 256, [9, 9, 3], np.uint8))
            coarse.resize((side, side), Image.Resampling.BICUBIC).save(directory / folder / f"{name}.png")
    write_loss_network(directory / "weights.h5")
    return directory


@pytest.fixture(scope="module")
def config(files):
    from training.data.catalog import builder as catalog_builder
    from training.data.catalog.settings import CatalogSettings

    settings = CatalogSettings(images_dir=files / "photos", validation=0.2, test=0.2)
    catalog_builder.prepare("photos", files / "data", settings)
    return TrainingConfig(
        model="style",
        dataset="photos",
        data_dir=str(files / "data"),
        epochs=2,
        batch_size=2,
        image_size=64,
        learning_rate=1e-3,
        precision="float32",
        augment=("flip",),
        model_options={"styles": str(files / "styles"), "width": 4, "depth": 1, "content_weight": 0.1},
        optimizer_options={"loss_network": str(files / "weights.h5")},
    )


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    return start_training(config, tmp_path_factory.mktemp("runs"))


def test_a_run_has_metrics_samples_and_a_model_of_the_styles(run):
    epochs = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {"content_loss", "style_loss", "val_loss", "val_style_loss"} <= epochs[0].keys()
    assert epochs[1]["val_loss"] < epochs[0]["val_loss"]
    assert (run / "samples" / "epoch-0001.png").exists()
    assert load_run_or_preset(str(run)).model.styles == STYLES
    # The loss network is needed for training alone.
    assert (run / "model.keras").stat().st_size < 1 << 20


def test_a_resumed_training_is_exact(run, config, tmp_path):
    first = start_training(config, tmp_path, "first", RunControl(max_minutes=1e-6))
    resumed = resume_training(first, {}, RunControl())
    for one, other in zip(
        load_run_or_preset(str(run)).model.get_weights(),
        load_run_or_preset(str(resumed)).model.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_an_evaluation_scores_effect_and_content(run, tmp_path, few_repeats):
    scores = evaluate_run(run, output=tmp_path).findings.scores
    for name in ("style_effect", "content_ssim", "style_effect_sea", "content_ssim_sand"):
        assert scores[name].baseline_name == "colours alone"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Received: no `--loss-network`. Give the weights file of SqueezeNet v1.1"),
        (["--loss-network", "nothing.h5"], "must be a readable Keras weights file"),
        (["--image-size", "32"], "`--image-size` must be at least 64 for style"),
        (["--styles", "nowhere"], "`--styles` must be a folder with a picture per style, or drawn."),
    ],
)
def test_what_it_needs_is_said(capsys, config, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    data = ("--dataset", "photos", "--data-dir", config.data_dir)
    if "--image-size" not in arguments:
        data += ("--image-size", "64")
    code, _, error = run_zoo(capsys, "train", "style", *data, "--epochs", "1", "--width", "4", *arguments)
    assert code == 2
    assert message in error


class Colourless:
    """Draws the style picture itself, or the photo at the second style."""

    styles = STYLES

    def __init__(self, example):
        self.example = example

    def stylise(self, raw_images, mixtures, strengths):
        return raw_images if mixtures[0, 1] else self.example[np.newaxis, :90, :80]


def test_scores_reach_from_the_photo_to_the_style():
    example, photo = (np.asarray(DRAWINGS[name]()) for name in ("waves", "mosaic"))
    photo = photo[:90, :80]
    scores = score_stylings(Colourless(example), [photo], {"sand": example, "sea": example}).scores
    assert scores["style_effect_sea"].value == 0.0
    assert scores["content_ssim_sea"].value == pytest.approx(1.0)
    assert scores["style_effect_sand"].value > 0.8
    assert scores["content_ssim_sand"].value < 0.3
    assert 0 < scores["style_effect_sand"].baseline.value < scores["style_effect_sand"].value


def test_texture_counts_beyond_colours():
    """The same pixels in another order have the colours alone."""
    example, photo = (np.asarray(DRAWINGS[name]()) for name in ("waves", "strokes"))
    shuffled = np.random.default_rng(0).permutation(example.reshape(-1, 3)).reshape(example.shape)
    assert find_effect(photo, example, example) == 1.0
    assert find_effect(photo, shuffled, example) < 0.7
    assert find_content(photo, photo) == pytest.approx(1.0)


def test_too_small_a_picture_has_no_distance():
    with pytest.raises(ValueError, match=r"at least 28 pixels a side.*Received: shape \(27, 40, 3\)"):
        sliced_distance(np.zeros([27, 40, 3], "uint8"), np.zeros([40, 40, 3], "uint8"))
