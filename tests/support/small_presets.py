"""Presets trained for seconds, so that no test depends on the shipped presets."""

import functools
import json
import shutil
from pathlib import Path

from kept_directories import make_directory
from served_runs import trained_run

from training.make_preset import make_preset

SCORES = {
    "dcgan": {"frechet_distance": {"value": 12.5, "interval": [12.0, 13.0]}, "recall": 0.5},
    "conditional_vae": {"psnr": 20.25, "attribute_accuracy": 0.75},
    "srcnn": {"psnr": 30.5, "bicubic_psnr": 29.0},
}
NAMES = {"dcgan": "tiny_dcgan", "conditional_vae": "tiny_cvae", "srcnn": "srcnn_x2"}
LICENCES = {"licence_data": "CC0", "licence_weights": "Apache-2.0"}


def evaluated_run(model, make_small_config, directory: Path) -> Path:
    """Copies the model's small run to `directory` and gives it an evaluation."""
    run = trained_run(model, make_small_config)
    shutil.copytree(run, directory, ignore=shutil.ignore_patterns("tensorboard", "checkpoints"))
    evaluation = {"model": model, "split": "test", "num_images": 4, "scores": SCORES[model]}
    (directory / "evaluation.json").write_text(json.dumps(evaluation))
    return directory


@functools.cache
def _made_presets(make_small_config) -> Path:
    directory = make_directory("small-presets")
    for model, name in NAMES.items():
        run = evaluated_run(model, make_small_config, directory / "runs" / model)
        make_preset(run, name, output=directory / "presets", hardware="a test", **LICENCES)
    shutil.rmtree(directory / "runs")
    return directory


def copy_presets(make_small_config, directory: Path) -> Path:
    """Copies one preset of each model, named as in `NAMES`, to a directory that the caller may change."""
    shutil.copytree(_made_presets(make_small_config) / "presets", directory)
    return directory
