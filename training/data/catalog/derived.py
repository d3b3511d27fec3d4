"""Attributes that are judged from photos instead of read from the table.

Heavy libraries are imported with the first judgement, because worker processes that judge nothing do without.
"""

import abc
from collections.abc import Sequence
from typing import NamedTuple

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


DERIVED: dict[str, DerivedAttribute] = {"colour": _Colour()}
