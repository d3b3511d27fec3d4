"""The subject of an evaluation: a trained model, the photos to score it on, and the judge."""

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from training.data.data_sets import DataSet
from training.evaluation.feature_extractor import FeatureExtractor
from training.input.labelled_pictures import LabelledPictures, read_pictures
from training.recipes.base.recipe import Recipe
from training.runs.config import TrainingConfig
from training.trained_model import Source

# Those of the papers on cleaning JPEG pictures.
DEFAULT_QUALITIES = (10, 20, 30, 40)
# Limits of the training photos that are held in memory to search for neighbours.
MAX_TRAIN_IMAGES = 60_000
MAX_TRAIN_BYTES = 1 << 29


@dataclasses.dataclass(frozen=True)
class Subject:
    """Holds everything that the parts of an evaluation need.

    A part is a module that a recipe names under `evaluations`. Its `make_stages(subject)` returns functions
    by name, in the order in which to call them; they take no arguments and return `Findings`.

    Args:
        source: The trained model.
        config: The model's configuration, with the data set to score on.
        data_set: Data set of the test and training photos; None for a folder.
        photos: A folder's photos by name, uint8 arrays `[h, w, 1 or 3]`; None for a data set.
        masks: The products' masks by the photo's name, uint8 arrays `[h, w]`; None for a data set.
        judge: Model that predicts attributes; None omits the scores that need one.
        extractor: Network on whose features distances are measured; None omits them.
        num_samples: Maximum number of pictures to generate, and of photos to compare them with.
        seed: Seed of the latents, the attributes and the choice of photos.
        qualities: Qualities of JPEG by which photos to clean are damaged.
    """

    source: Source
    config: TrainingConfig
    data_set: DataSet | None
    photos: Mapping[str, np.ndarray] | None
    masks: Mapping[str, np.ndarray] | None
    judge: Source | None
    extractor: FeatureExtractor | None
    num_samples: int
    seed: int
    qualities: Sequence[int] = DEFAULT_QUALITIES

    @property
    def model(self):
        """The loaded model."""
        return self.source.model

    @property
    def scored_data_set(self) -> DataSet:
        """The data set of the test and training photos.

        Raises:
            ValueError: The photos of a folder are scored.
        """
        if self.data_set is None:
            raise ValueError(
                "This score needs a data set. Received: a folder of photos. Leave out `--images`."
            )
        return self.data_set

    def whole_photos(self) -> Iterable[np.ndarray]:
        """Returns the folder's photos, or the data set's test photos, each of its own size."""
        if self.photos is not None:
            return self.photos.values()
        elements = self.scored_data_set.read("test").take(self.num_samples).as_numpy_iterator()
        return (element["image"] for element in elements)

    @property
    def recipe(self) -> Recipe:
        """The model's recipe."""
        return self.source.recipe

    @functools.cached_property
    def test(self) -> LabelledPictures:
        """Test photos in the model's size."""
        return self._read("test", self.num_samples)

    @functools.cached_property
    def train(self) -> LabelledPictures:
        """Training photos in the model's size: ten for each test photo, as far as the memory limits allow."""
        num_values = self.model.image_size**2 * self.model.channels
        num_images = min(MAX_TRAIN_IMAGES, MAX_TRAIN_BYTES // num_values, 10 * self.num_samples)
        return self._read("train", num_images)

    def _read(self, split: str, num_images: int) -> LabelledPictures:
        shape = (self.model.image_size, self.model.channels)
        return read_pictures(self.scored_data_set, split, *shape, num_images, self.seed)
