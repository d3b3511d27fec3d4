"""Gives the product in a photo another colour, at the photo's own size."""

from zoo.recolour.recolour import Recolour

__all__ = ["Recolour"]
