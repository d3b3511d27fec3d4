"""Attributes that are judged from photos instead of read from the table.

Heavy libraries are imported with the first judgement, because worker processes that judge nothing do without.
"""

import abc
import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from training.data.catalog.product import Product

# Judges categories; it learned from clothes, and from groceries as things unlike what it knows.
CATEGORY_PRESET = "classifier_clothing"
# Of held-out photos 83 % reach it, and 95 % of these are named right (`tests/benchmarks/tagger.py`).
CATEGORY_THRESHOLD = 0.6


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

    def judge(self, product):
        from zoo.attributes.vocabulary import UNLIKE_KNOWN

        model = _tagger()
        on_white = product.on_white(model.image_size)
        probabilities = model.judge(on_white[np.newaxis])["category"].numpy()[0]
        best = int(np.argmax(probabilities))
        value, confidence = model.attributes["category"][best], float(probabilities[best])
        is_sure = confidence >= CATEGORY_THRESHOLD and value != UNLIKE_KNOWN
        return Judgement(value if is_sure else "", confidence)

    def list_values(self):
        from zoo.attributes.vocabulary import UNLIKE_KNOWN
        from zoo.presets.registry import read_preset

        values = read_preset(CATEGORY_PRESET).model_config["attributes"]["category"]
        return tuple(value for value in values if value != UNLIKE_KNOWN)

    def threshold(self):
        return CATEGORY_THRESHOLD


@functools.cache
def _tagger():
    from zoo.classifier import Classifier

    return Classifier.from_preset(CATEGORY_PRESET)


DERIVED: dict[str, DerivedAttribute] = {"colour": _Colour(), "category": _Category()}
