"""What an evaluation is about: a trained model, the photos to score it on, and who judges."""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from training.data.data_sets import DataSet
from training.evaluation.feature_extractor import FeatureExtractor
from training.input.labelled_pictures import LabelledPictures, read_pictures
from training.recipes.base.recipe import Recipe
from training.runs.config import TrainingConfig
from training.trained_model import Source

# Of the training photos that neighbours are looked for in, in memory.
MAX_TRAIN_IMAGES = 60_000
MAX_TRAIN_BYTES = 1 << 29


@dataclasses.dataclass(frozen=True)
class Subject:
    """Hands on to each part of an evaluation what it scores.

    A part is a module that a recipe names under `evaluations`. Its `make_stages(subject)` returns functions
    without arguments that return `Findings`, by name and in order.

    Args:
        source: The trained model.
        config: Its configuration, of the data set that is scored on.
        data_set: Where test and training photos come from; None for a folder.
        photos: Photos of a folder by name, uint8 arrays `[h, w, 1 or 3]`; None for a data set.
        judge: A model that names attributes; None leaves out what needs one.
        extractor: Network whose features distances are measured on; None leaves them out.
        num_samples: Most pictures to generate, and to compare with.
        seed: Of latents, of attributes that are drawn, and of which photos are taken.
    """

    source: Source
    config: TrainingConfig
    data_set: DataSet | None
    photos: Mapping[str, np.ndarray] | None
    judge: Source | None
    extractor: FeatureExtractor | None
    num_samples: int
    seed: int

    @property
    def model(self):
        """The loaded model."""
        return self.source.model

    @property
    def recipe(self) -> Recipe:
        """The model's recipe."""
        return self.source.recipe

    @functools.cached_property
    def test(self) -> LabelledPictures:
        """Test photos of the model's size."""
        return self._read("test", self.num_samples)

    @functools.cached_property
    def train(self) -> LabelledPictures:
        """Training photos of the model's size, as many as memory may hold."""
        num_values = self.model.image_size**2 * self.model.channels
        return self._read("train", min(MAX_TRAIN_IMAGES, MAX_TRAIN_BYTES // num_values))

    def _read(self, split: str, num_images: int) -> LabelledPictures:
        shape = (self.model.image_size, self.model.channels)
        return read_pictures(self.data_set, split, *shape, num_images, self.seed)
