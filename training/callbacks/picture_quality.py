"""How far a generator's pictures are from real ones, after every epoch.

Along a training of the DCGAN on Fashion-MNIST, 500 pictures order its states almost as 5,000 do (rank
correlation 0.995; 0.964 in the second half), at 1.3 to 2.4 % of an epoch's time. The Frechet distance of as
many has 0.989 and 0.929, and is a fifth too large in the end (`tests/benchmarks/picture_quality.py`).

Sources:
    [KID] Binkowski et al. 2018, arXiv 1801.01401: unbiased, however few the pictures.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import keras

from training.data.data_sets import DataSet
from training.evaluation.measures.kernel_distance import squared_mmd
from training.evaluation.quality.distance_to_real import DistanceToReal
from training.evaluation.quality.judge import find_judge, why_not_judged
from training.input.labelled_pictures import read_pictures
from training.recipes.base.recipe import Recipe
from training.runs.config import TrainingConfig

KERNEL_DISTANCE = "val_kernel_distance"
MAX_PICTURES = 500


class PictureQuality(keras.callbacks.Callback):
    """Adds `val_kernel_distance` to the logs of each epoch: place it before callbacks that read the logs.

    It is the squared discrepancy [KID] eq. 4 between the features of at most 500 validation pictures and of
    as many generated ones with the same attributes. Smaller is better; between equal distributions it is 0 in
    the mean, and so may be a little below. Which pictures and latents these are depends on the run's seed
    alone.

    The features are those of a classifier that had no part in the training (`find_judge`): of the preset
    `classifier_fashion_mnist` for Fashion-MNIST at 28 pixels, else of a small one that is trained once for
    each data set and size. The run keeps it as `checkpoints/judge.npz`, with its name and its accuracy in
    `judge.json` beside it.

    Args:
        measure: Returns the distance of the pictures that the model makes.
    """

    def __init__(self, measure: Callable[[], float]):
        super().__init__()
        self._measure = measure

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs[KERNEL_DISTANCE] = self._measure()


def quality_metrics(recipe: Recipe, config: TrainingConfig, data_set: DataSet) -> tuple[str, ...]:
    """Returns the names of what `PictureQuality` adds to a training's logs; none where it has no place."""
    is_measured = recipe.is_generative and why_not_judged(data_set, config.image_size) is None
    return (KERNEL_DISTANCE,) if is_measured else ()


def measure_picture_quality(
    recipe: Recipe,
    config: TrainingConfig,
    data_set: DataSet,
    model: keras.Model,
    judge_dir: Path,
    on_chief: Callable[[Callable[[], float]], float],
    is_chief: bool,
) -> list[PictureQuality]:
    """Returns the callback of a generator's training; of other trainings, an empty list.

    Args:
        recipe: Recipe of the model.
        config: Configuration of the run.
        data_set: What it is trained on.
        model: The model, built.
        judge_dir: Where the run keeps its judge, which is found or trained here.
        on_chief: Computes a number on the chief and returns it on every worker.
        is_chief: Whether this worker is the chief, which alone needs the judge.

    Raises:
        ValueError: The run's judge is damaged.
    """
    if not recipe.is_generative:
        return []
    reason = why_not_judged(data_set, config.image_size)
    if reason is not None:
        _say(f"{KERNEL_DISTANCE} is left out: {reason}.")
        return []
    distance = _open_distance(config, data_set, model, judge_dir) if is_chief else None
    return [PictureQuality(lambda: on_chief(lambda: distance.measure(model)))]


def _open_distance(config: TrainingConfig, data_set: DataSet, model, judge_dir: Path) -> DistanceToReal:
    judge = find_judge(data_set, model.image_size, config.cache, judge_dir, _say)
    real = read_pictures(data_set, "validation", model.image_size, model.channels, MAX_PICTURES, config.seed)
    return DistanceToReal(judge.extractor, real, squared_mmd, config.seed)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
