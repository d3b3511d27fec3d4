"""Attributes that are judged from photos instead of read from the table: colour and category.

Heavy libraries are imported with the first judgement, because worker processes that judge nothing do without.
"""

import abc
import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from training.data.catalog.product import Product


class Judgement(NamedTuple):
    """A value judged from a photo.

    Args:
        value: One of the attribute's values; `""` if uncertain.
        confidence: Estimated probability that the most probable value is right, range [0, 1].
    """

    value: str
    confidence: float


class DerivedAttribute(abc.ABC):
    """Judges one attribute."""

    # What the command calls the values.
    plural: str

    @abc.abstractmethod
    def judge(self, product: Product) -> Judgement:
        """Judges the product of one photo."""

    @abc.abstractmethod
    def list_values(self) -> Sequence[str]:
        """Lists all values, in the order of their class ids."""

    @abc.abstractmethod
    def threshold(self) -> float:
        """Returns the confidence below which a value is uncertain."""


class _Colour(DerivedAttribute):
    plural = "Colours"

    def judge(self, product):
        from training.colour.product_colour import judge_colour

        judgement = judge_colour(product.picture)
        return Judgement(judgement.colour, float(judgement.confidence))

    def list_values(self):
        from zoo.colour.basic_colours import COLOURS

        return tuple(COLOURS)

    def threshold(self):
        from training.colour.product_colour import CONFIDENCE_THRESHOLD

        return CONFIDENCE_THRESHOLD


class _Category(DerivedAttribute):
    plural = "Categories"
    PRESET = "classifier_clothing"
    ATTRIBUTE = "category"
    # The preset's value for whatever it was not taught.
    UNLIKE = "unlike what I know"
    THRESHOLD = 0.5

    def judge(self, product):
        model = self._load()
        picture = product.on_white(model.image_size)
        (probabilities,) = model.judge(picture[np.newaxis])[self.ATTRIBUTE].numpy()
        best, confidence = int(probabilities.argmax()), float(probabilities.max())
        value = model.attributes[self.ATTRIBUTE][best]
        is_known = value != self.UNLIKE and confidence >= self.THRESHOLD
        return Judgement(value if is_known else "", confidence)

    def list_values(self):
        return tuple(value for value in self._load().attributes[self.ATTRIBUTE] if value != self.UNLIKE)

    def threshold(self):
        return self.THRESHOLD

    @functools.cache  # noqa: B019 - there is one of these objects
    def _load(self):
        from zoo.classifier import Classifier

        return Classifier.from_preset(self.PRESET)


DERIVED: dict[str, DerivedAttribute] = {"colour": _Colour(), "category": _Category()}
