"""Training on a folder of photos in their original sizes: steps per epoch, whole test photos, defaults."""

import json

import keras
import pytest
from catalog_files import draw_photo

from training.data.catalog import builder as catalog_builder
from training.data.catalog.settings import CatalogSettings
from training.data.data_sets import load_data_set
from training.evaluation.evaluation import evaluate_run
from training.loop.trainer import start_training
from training.recipes.base.registry import RECIPES
from training.runs.config import TrainingConfig
from training.trained_model import load_model
from zoo.pictures import pixels
from zoo.pictures.psnr import psnr
from zoo.pictures.resize import bicubic


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A data set `photos` of twelve photos of two sizes: 8 train, 2, 2."""
    directory = tmp_path_factory.mktemp("photos")
    for index in range(12):
        draw_photo(index, width=40 + index % 2, height=50).save(directory / f"{index}.png")
    settings = CatalogSettings(images_dir=directory, validation=0.2, test=0.2)
    catalog_builder.prepare("photos", directory / "data", settings)
    return directory / "data"


def make_config(data_dir, model="fsrcnn", **changes):
    values = {
        "model": model,
        "dataset": "photos",
        "data_dir": str(data_dir),
        "epochs": 2,
        "batch_size": 4,
        "image_size": 13,
        "patches_per_image": 3,
        "learning_rate": 1e-3,
        "precision": "float32",
        "augment": ("flip", "turn", "scale"),
        "schedule": "cosine",
        "model_options": {"upscale_factor": 2, "is_residual": True},
    }
    return TrainingConfig(**{**values, **changes})


@pytest.fixture(scope="module")
def run(data_dir, tmp_path_factory):
    return start_training(make_config(data_dir), tmp_path_factory.mktemp("runs"))


def read_metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_an_epoch_has_so_many_patches_of_each_picture(run, data_dir):
    num_images = load_data_set("photos", data_dir).num_images["train"]
    model = keras.models.load_model(run / "model.keras")
    assert int(model.optimizer.iterations) == 2 * (num_images * 3 // 4)
    assert len(read_metrics(run)) == 2
    assert list((run / "samples").glob("*.png"))


@pytest.mark.slow
def test_whole_pictures_are_scored(run, data_dir):
    score = evaluate_run(run).findings.scores["psnr"]
    expected = []
    for element in load_data_set("photos", data_dir).read("test"):
        height, width = (side // 2 * 2 for side in element["image"].shape[:2])
        high_res = element["image"][:height, :width]
        luma = pixels.round_to_uint8(pixels.to_luma(high_res))[None]
        low_res = bicubic(luma, height // 2, width // 2)
        enlarged = pixels.round_to_uint8(bicubic(low_res, height, width))
        expected.append(float(psnr(luma, enlarged, border=2)[0]))
    assert score.num_samples == len(expected)
    assert score.baseline.value == pytest.approx(sum(expected) / len(expected), abs=0.01)
    assert score.value > 10


@pytest.mark.parametrize("model", ["srcnn", "fsrcnn"])
def test_defaults_fit_pictures_in_original_size_and_of_one_size(model, data_dir, small_data_set):
    recipe = RECIPES[model]
    originals = load_data_set("photos", data_dir)
    assert recipe.default_patches_per_image(originals) == 64
    assert recipe.default_image_size(originals) == recipe.patch_size
    assert recipe.default_patches_per_image(small_data_set) == 1
    assert recipe.default_image_size(small_data_set) == 16


@pytest.mark.slow
def test_rgb_is_trained_and_kept(data_dir, tmp_path):
    options = {"upscale_factor": 3, "is_residual": True, "colour_space": "rgb"}
    run = start_training(make_config(data_dir, epochs=1, model_options=options), tmp_path)
    assert load_model(run).colour_space == "rgb"
