"""The distance of what a generator makes to a fixed sample of real pictures."""

from collections.abc import Callable

import keras

from training.evaluation.feature_extractor import FeatureExtractor
from training.input.labelled_pictures import LabelledPictures, generate_pictures


class DistanceToReal:
    """Compares a generator's pictures with real ones, the same way at every call.

    As many pictures are generated as there are real ones, of the real ones' attributes and of latents that
    depend on the seed alone: what changes between two calls is the generator.

    Args:
        extractor: Network on whose features pictures are compared. It must not be a part of the generator or
            of what trained it: a generator learns to please that.
        real: Real pictures, at least 2, of the generator's size and channels.
        distance: Takes two float arrays `[N, F]` of features, generated ones first, and returns the distance.
        seed: Of the latents, and of attributes that are unknown of real pictures.

    Example:

    ```python
    distance = DistanceToReal(extractor, validation_pictures, squared_mmd, seed=0)
    before, after = distance.measure(untrained_gan), distance.measure(trained_gan)
    ```
    """

    def __init__(
        self, extractor: FeatureExtractor, real: LabelledPictures, distance: Callable[..., float], seed: int
    ):
        self._extractor = extractor
        self._real = real
        self._real_features = extractor.extract(real.raw_images)
        self._distance = distance
        self._seed = seed

    def measure(self, model: keras.Model) -> float:
        """Returns the distance of a generator's pictures: those that it makes at inference."""
        made = generate_pictures(model, self._real, len(self._real), self._seed)
        return self._distance(self._extractor.extract(made.raw_images), self._real_features)
