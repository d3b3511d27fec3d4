"""Training the cleaning model on photos: batches, a run, its samples, its evaluation, its halved photos."""

import json

import numpy as np
import pytest
from catalog_files import draw_photo
from pictures_in_memory import make_data_set, noise
from PIL import Image
from served_runs import run_zoo

from training.data.catalog import builder as catalog_builder
from training.data.catalog.settings import CatalogSettings
from training.data.data_sets import load_data_set
from training.evaluation.evaluation import evaluate_run
from training.input.cleaning_pipeline import make_cleaning_batches
from training.loop.trainer import start_training
from training.runs.config import TrainingConfig
from training.trained_model import load_run_or_preset
from zoo.errors import WrongUsageError


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    directory = tmp_path_factory.mktemp("photos")
    for index in range(12):
        draw_photo(index, width=60 + index % 2, height=70).save(directory / f"{index}.png")
    return directory


@pytest.fixture(scope="module")
def data_dir(photos):
    settings = CatalogSettings(images_dir=photos, validation=0.2, test=0.2, halves=True)
    catalog_builder.prepare("photos", photos / "data", settings)
    return photos / "data"


@pytest.fixture(scope="module")
def run(data_dir, tmp_path_factory):
    config = TrainingConfig(
        model="clean",
        dataset="photos",
        data_dir=str(data_dir),
        epochs=1,
        batch_size=4,
        image_size=16,
        patches_per_image=2,
        learning_rate=1e-3,
        precision="float32",
        augment=("flip", "turn"),
        model_options={"depth": 2, "width": 4},
    )
    return start_training(config, tmp_path_factory.mktemp("runs"))


def batches(data_set, **arguments):
    defaults = {"patch_size": 16, "batch_size": 2, "cache": "memory"}
    return make_cleaning_batches(data_set, "train", **{**defaults, **arguments})


def test_targets_are_patches_of_the_photos():
    data_set = make_data_set(noise(2, 40, 50), (None, None, 3))
    [(damaged, undamaged, damage)] = batches(data_set)
    assert damaged.shape == undamaged.shape == (2, 16, 16, 3)
    assert damage.shape == (2, 2)
    is_whole = (damaged.numpy() == undamaged.numpy()).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(is_whole, (damage.numpy() == 0).all(axis=1))


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_a_resumed_run_gets_the_batches_that_it_missed(cache):
    data_set = make_data_set(noise(6, 40, 50), (None, None, 3))
    options = {"shuffle": True, "repeat": True, "cache": cache, "augment": ("flip", "turn")}
    whole = list(batches(data_set, **options).take(4))
    rest = list(batches(data_set, first_step=2, **options).take(2))
    for first, second in zip(whole[2:], rest, strict=True):
        for one, other in zip(first, second, strict=True):
            np.testing.assert_array_equal(one, other)


def test_grey_photos_become_colour_ones():
    [(damaged, *_)] = batches(make_data_set(noise(2, 40, 50, 1), (None, None, 1)))
    assert damaged.shape == (2, 16, 16, 3)


def test_photos_are_halved(photos, data_dir):
    data_set = load_data_set("photos", data_dir)
    shapes = {image["image"].shape for split in data_set.num_images for image in data_set.read(split)}
    assert shapes == {(35, 30, 3)}
    sizes = {Image.open(path).size for path in photos.glob("*.png")}
    assert sizes == {(60, 70), (61, 70)}


def test_halving_is_for_whole_photos(photos):
    with pytest.raises(WrongUsageError, match="Received: --halve with --size"):
        CatalogSettings(images_dir=photos, size=16, halves=True)


@pytest.mark.slow
def test_a_run_has_metrics_samples_and_a_merged_model(run):
    (metrics,) = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {"val_psnr", "val_damaged_psnr", "val_damage_error"} <= metrics.keys()
    assert (run / "samples" / "epoch-0001.png").exists()
    assert load_run_or_preset(str(run)).model.is_merged


@pytest.mark.slow
def test_an_evaluation_damages_the_test_photos(run, tmp_path):
    evaluation = evaluate_run(run, output=tmp_path, qualities=[20])
    assert {
        "psnr_q20",
        "psnr_b_q20",
        "gain_q20",
        "gain_twice_q20",
        "harm",
    } <= evaluation.findings.scores.keys()
    assert evaluation.findings.scores["psnr_q20"].baseline_name == "the JPEG"


@pytest.mark.slow
@pytest.mark.parametrize("qualities", ["0", "101", "ten", "10,,20", ""])
def test_qualities_that_are_none_are_refused(capsys, run, qualities):
    code, _, error = run_zoo(capsys, "evaluate", run, "--qualities", qualities)
    assert code == 2
    assert f"must be whole numbers from 1 to 100 between commas. Received: {qualities!r}." in error
