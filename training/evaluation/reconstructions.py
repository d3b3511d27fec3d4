"""Scores reconstructions, with category means as the baseline."""

from collections.abc import Callable

import numpy as np

from training.evaluation.findings import Findings
from training.evaluation.measures.bootstrap import mean_score
from training.evaluation.measures.picture_errors import WINDOW_SIDE, mean_absolute_error, ssim
from training.evaluation.subject import Subject
from training.input.labelled_pictures import BATCH_SIZE, LabelledPictures, reconstruct
from training.pages.picture_sheet import PictureSheet
from training.runs.score import Score
from zoo.pictures import pixels
from zoo.pictures.psnr import psnr

CATEGORY_MEANS = "category means"
NUM_COLUMNS = 8


def make_stages(subject: Subject) -> dict[str, Callable[[], Findings]]:
    """Returns the stage that scores reconstructions of the test photos."""
    return {"reconstructions": lambda: score_reconstructions(subject.model, subject.test, subject.train)}


def score_reconstructions(model, test: LabelledPictures, train: LabelledPictures) -> Findings:
    """Scores reconstructions from the mean latents by PSNR, SSIM and mean absolute error.

    Args:
        model: A `ConditionalVAE`.
        test: Test photos in the model's size.
        train: Training photos for the category means.

    Returns:
        The scores, and a sheet of the best and worst reconstructions. The baseline predicts each test photo
        by the mean training photo with the same value of the first attribute.
    """
    reconstructed = reconstruct(model, test)
    means = mean_pictures(train, test, next(iter(model.attributes)))
    scores, decibels = measure_reconstructions(test.raw_images, reconstructed, means, CATEGORY_MEANS)
    sheet = reconstruction_sheet(test.raw_images, reconstructed, decibels)
    return Findings(scores, {"Best and worst reconstructions by PSNR": sheet})


def measure_reconstructions(
    images: np.ndarray, reconstructed: np.ndarray, others: np.ndarray, others_name: str
) -> tuple[dict[str, Score], np.ndarray]:
    """Measures reconstructions and a baseline.

    Args:
        images: uint8 array `[N, S, S, C]`.
        reconstructed: uint8 array of the same shape.
        others: uint8 array of the same shape: the baseline.
        others_name: The baseline's name.

    Returns:
        The scores by name, and each reconstruction's PSNR in dB.
    """
    measures = {
        "reconstruction_psnr": (psnr, "dB"),
        "reconstruction_mae": (mean_absolute_error, "grey levels"),
    }
    if images.shape[1] >= WINDOW_SIDE:
        measures["reconstruction_ssim"] = (ssim, "at most 1")
    scores = {}
    for name, (measure, unit) in measures.items():
        score, baseline = (
            _score(in_batches(measure, images, compared), unit) for compared in (reconstructed, others)
        )
        scores[name] = score.beside(baseline, others_name)
    return scores, in_batches(psnr, images, reconstructed)


def mean_pictures(train: LabelledPictures, test: LabelledPictures, attribute: str) -> np.ndarray:
    """Predicts each test photo by the mean training photo with the same value of an attribute.

    Example:

    >>> images = np.array([10, 20, 90], "uint8").reshape(3, 1, 1, 1)
    >>> train = LabelledPictures(images, {"a": np.array([0, 0, 1])})
    >>> test = LabelledPictures(np.zeros((3, 1, 1, 1), "uint8"), {"a": np.array([1, 0, -1])})
    >>> mean_pictures(train, test, "a").ravel().tolist()
    [90, 15, 40]
    """
    train_ids, ids = train.attribute_ids[attribute], test.attribute_ids[attribute]
    predicted = np.empty(test.raw_images.shape, "uint8")
    overall = train.raw_images.mean(axis=0)
    for value in np.unique(ids):
        # Values that are unknown, or absent from the training photos, get the mean of all training photos.
        members = train.raw_images[train_ids == value] if value >= 0 else train.raw_images[:0]
        mean = members.mean(axis=0) if len(members) else overall
        predicted[ids == value] = pixels.round_to_uint8(mean.astype("float32")).numpy()
    return predicted


def in_batches(function, *arrays: np.ndarray) -> np.ndarray:
    """Applies a function to the rows of arrays, batch by batch."""
    starts = range(0, len(arrays[0]), BATCH_SIZE)
    return np.concatenate(
        [np.asarray(function(*(array[start : start + BATCH_SIZE] for array in arrays))) for start in starts]
    )


def _score(values: np.ndarray, unit: str) -> Score:
    return mean_score(values, unit, "all channels")


def reconstruction_sheet(images: np.ndarray, reconstructed: np.ndarray, decibels: np.ndarray) -> PictureSheet:
    """Draws the pictures with the best and the worst reconstructions."""
    order = np.argsort(-decibels)
    count = min(NUM_COLUMNS, len(order))
    rows, captions = [], []
    for chosen in (order[:count], order[::-1][:count]):
        rows += [list(images[chosen]), list(reconstructed[chosen])]
        captions += [[""] * count, [f"{decibels[row]:.1f} dB" for row in chosen]]
    labels = ["best: real", "reconstructed", "worst: real", "reconstructed"]
    return PictureSheet(rows=rows, row_labels=labels, captions=captions)
