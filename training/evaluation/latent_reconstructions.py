"""Scores an autoencoder's reconstructions: the best that anything drawn in its latents can look like."""

import functools
from collections.abc import Callable

import numpy as np

from training.evaluation.findings import Findings
from training.evaluation.generated.scores import FeatureSets, score_distances
from training.evaluation.reconstructions import in_batches, measure_reconstructions, reconstruction_sheet
from training.evaluation.subject import Subject
from training.input.labelled_pictures import LabelledPictures
from zoo.latent_flow.autoencoder import FACTOR
from zoo.pictures import pixels, resize

REDUCED = f"reduced to 1/{FACTOR} and enlarged"


def make_stages(subject: Subject) -> dict[str, Callable[[], Findings]]:
    """Returns the stages that score reconstructions of the test photos."""

    @functools.cache
    def reconstructed() -> np.ndarray:
        model = subject.model
        return in_batches(
            lambda images: pixels.from_model_range(model(images), model.pixel_range), subject.test.raw_images
        )

    stages = {"reconstructions": lambda: score_errors(subject.test.raw_images, reconstructed())}
    extractor = subject.extractor
    if extractor is not None:
        stages["distances"] = lambda: score_distances(
            FeatureSets(extractor, subject.test, subject.train, LabelledPictures(reconstructed(), {})),
            subject.seed,
        )
    return stages


def score_errors(images: np.ndarray, reconstructed: np.ndarray) -> Findings:
    """Scores reconstructions by PSNR, SSIM and mean absolute error.

    Args:
        images: uint8 array `[N, S, S, C]`.
        reconstructed: uint8 array of the same shape.

    Returns:
        The scores, beside pictures reduced to the latents' size and enlarged again; and a sheet of the best
        and the worst.
    """
    side = images.shape[1]
    reduced = in_batches(
        lambda batch: pixels.round_to_uint8(
            resize.bicubic(resize.bicubic(batch, side // FACTOR, side // FACTOR), side, side)
        ),
        images,
    )
    scores, decibels = measure_reconstructions(images, reconstructed, reduced, REDUCED)
    sheet = reconstruction_sheet(images, reconstructed, decibels)
    return Findings(scores, {"Best and worst reconstructions by PSNR": sheet})
