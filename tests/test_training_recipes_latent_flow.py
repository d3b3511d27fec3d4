"""Training the autoencoder and the flow in its latents: runs, exact resume, descriptions, and wrong input."""

import csv
import dataclasses
import json

import numpy as np
import pytest
from PIL import Image
from served_runs import run_zoo

from training.data.catalog import builder as catalog_builder
from training.data.catalog.settings import CatalogSettings
from training.data.data_sets import load_data_set
from training.evaluation.evaluation import evaluate_run
from training.input.descriptions import frequent_words, read_descriptions
from training.loop.resume import resume_training
from training.loop.trainer import start_training
from training.recipes.base.registry import find_recipe
from training.runs.config import TrainingConfig
from training.runs.run_control import RunControl
from training.trained_model import load_run_or_preset
from zoo.latent_flow.words import FIRST_WORD

PHOTO_SIDE, SIDE, COUNT = 32, 16, 36
CATEGORIES, COLOURS = ("hat", "shoes"), {"red": (200, 30, 40), "blue": (40, 80, 190)}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Two prepared catalogues of rectangles on white: `described` has the column, `shop` has not."""
    directory = tmp_path_factory.mktemp("flow")
    (directory / "photos").mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for number in range(COUNT):
        category, colour = CATEGORIES[number % 2], [*COLOURS][number // 2 % 2]
        picture = Image.new("RGB", (PHOTO_SIDE, PHOTO_SIDE), "white")
        size = (20, 10) if category == "hat" else (10, 20)
        picture.paste(COLOURS[colour], (6, 6, 6 + size[0], 6 + size[1]))
        # A pattern of its own: copies are not kept twice.
        for left, top in rng.integers(0, PHOTO_SIDE - 8, [6, 2]).tolist():
            picture.paste(tuple(rng.integers(0, 255, 3).tolist()), (left, top, left + 8, top + 8))
        picture.save(directory / "photos" / f"{number}.png")
        text = "" if number % 3 == 0 else f"Hand-made {colour} thing number{number}"
        rows.append({"image": f"{number}.png", "category": category, "colour": colour, "description": text})
    for name, columns in (
        ("described", ["image", "category", "colour", "description"]),
        ("shop", ["image", "category", "colour"]),
    ):
        table = directory / f"{name}.csv"
        with table.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        settings = CatalogSettings(
            images_dir=directory / "photos", table=table, attributes=("category", "colour"), size=SIDE
        )
        catalog_builder.prepare(name, directory / "data", settings)
    return directory / "data"


@pytest.fixture(scope="module")
def make_config(data_dir):
    def make(model, **changes):
        values = {
            "model": model,
            "dataset": "shop",
            "data_dir": str(data_dir),
            "epochs": 2,
            "batch_size": 4,
            "image_size": SIDE,
            "learning_rate": 1e-3,
            "precision": "float32",
            "augment": ("flip",),
        }
        return TrainingConfig(**{**values, **changes})

    return make


@pytest.fixture(scope="module")
def autoencoder(make_config, tmp_path_factory):
    config = make_config("autoencoder", model_options={"width": 4, "depth": 1})
    return start_training(config, tmp_path_factory.mktemp("runs"), "autoencoder")


@pytest.fixture(scope="module")
def flow_config(make_config, autoencoder):
    options = {"width": 8, "depth": 1, "steps": 2, "autoencoder": str(autoencoder)}
    return make_config("latent_flow", model_options=options, optimizer_options={"unseen_pairs": 0.1})


@pytest.fixture(scope="module")
def flow(flow_config, tmp_path_factory):
    return start_training(flow_config, tmp_path_factory.mktemp("runs"), "flow")


def weights_of(run):
    return load_run_or_preset(str(run)).model.get_weights()


def test_runs_have_samples_metrics_and_the_autoencoder_inside(autoencoder, flow):
    for run, metric in ((autoencoder, "val_psnr"), (flow, "val_loss")):
        epochs = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        assert metric in epochs[0]
        assert (run / "samples" / "epoch-0001.png").exists()
    model = load_run_or_preset(str(flow)).model
    for own, trained in zip(model.autoencoder.get_weights(), weights_of(autoencoder), strict=True):
        np.testing.assert_array_equal(own, trained)
    assert (model.latent_deviation.numpy() != 1.0).all()
    assert "headwear" in model.words
    assert model.meanings["cap"] == ("category", "hat")


@pytest.mark.parametrize("name", ["autoencoder", "flow"])
def test_a_resumed_training_is_exact(name, request, tmp_path):
    run = request.getfixturevalue(name)
    config = load_run_or_preset(str(run)).config
    first = start_training(config, tmp_path, "first", RunControl(max_minutes=1e-6))
    resumed = resume_training(first, {}, RunControl())
    for one, other in zip(weights_of(run), weights_of(resumed), strict=True):
        np.testing.assert_array_equal(one, other)


def batches_of(config, data_dir, **changes):
    config = dataclasses.replace(config, **changes)
    return find_recipe("latent_flow").make_training_batches(
        config, load_data_set(config.dataset, data_dir), 0
    )


def test_a_shops_own_descriptions_are_learned_where_there_are_any(flow_config, data_dir):
    data_set = load_data_set("described", data_dir)
    texts = read_descriptions(data_set, "train")
    assert len(texts) == data_set.num_images["train"]
    assert {"hand-made", "thing"} <= set(frequent_words(texts))
    assert not any("number" in word for word in frequent_words(texts))
    recipe = find_recipe("latent_flow")
    words = recipe.build_model(dataclasses.replace(flow_config, dataset="described"), data_set).words
    own = words.index("hand-made") + FIRST_WORD
    batches = batches_of(flow_config, data_dir, dataset="described").take(20)
    shares = np.mean([np.any(ids == own, axis=1).mean() for _, _, ids in batches.as_numpy_iterator()])
    # Captions stand in where the column is empty.
    assert shares == pytest.approx(np.mean([text != b"" for text in texts]), abs=0.1)


def test_descriptions_belong_to_their_pictures(flow_config, data_dir):
    recipe = find_recipe("latent_flow")
    data_set = load_data_set("described", data_dir)
    words = recipe.build_model(dataclasses.replace(flow_config, dataset="described"), data_set).words
    own, colours = words.index("hand-made") + FIRST_WORD, data_set.attributes["colour"]
    for _, ids, word_ids in batches_of(flow_config, data_dir, dataset="described").take(10):
        for colour, row in zip(ids["colour"].numpy(), word_ids.numpy(), strict=True):
            if own in row:
                assert words.index(colours[colour]) + FIRST_WORD in row


def test_pairs_that_are_kept_out_are_never_seen(flow_config, data_dir):
    from training.input.unseen_pairs import unseen_pairs

    data_set = load_data_set("shop", data_dir)
    share = next(
        share for share in np.arange(0.05, 1, 0.05) if unseen_pairs(data_set.attributes, share).sum() == 1
    )
    table = unseen_pairs(data_set.attributes, share)
    batches = batches_of(flow_config, data_dir, optimizer_options={"unseen_pairs": share}).take(20)
    seen = set()
    for _, ids, _ in batches.as_numpy_iterator():
        seen |= set(zip(*(ids[name].tolist() for name in ("category", "colour")), strict=True))
    assert seen == set(map(tuple, np.argwhere(~table).tolist()))


@pytest.mark.slow
def test_evaluations_score_reconstructions_and_pictures(autoencoder, flow, tmp_path, few_repeats):
    found = evaluate_run(autoencoder, output=tmp_path / "autoencoder").findings.scores
    assert found["reconstruction_psnr"].baseline_name == "reduced to 1/8 and enlarged"
    evaluate_run(flow, output=tmp_path / "flow")
    assert (tmp_path / "flow" / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--autoencoder", "nowhere"], 2, "Unknown preset. Received: 'nowhere'"),
        (["--autoencoder", "{flow}"], 2, "`--autoencoder` must be a run or a preset of autoencoder."),
        (
            ["--autoencoder", "{autoencoder}", "--image-size", "8"],
            2,
            "The autoencoder must fit the data set",
        ),
        (["--autoencoder", "{autoencoder}", "--unseen-pairs", "1.5"], 2, "--unseen-pairs"),
    ],
)
def test_what_it_needs_is_said(
    capsys, data_dir, tmp_path, monkeypatch, autoencoder, flow, arguments, code, message
):
    monkeypatch.chdir(tmp_path)
    words = [word.format(autoencoder=autoencoder, flow=flow) for word in arguments]
    data = ("--dataset", "shop", "--data-dir", data_dir, "--epochs", "1", "--batch-size", "4")
    exit_code, _, error = run_zoo(capsys, "train", "latent_flow", *data, *words)
    assert exit_code == code, error
    assert message in error
