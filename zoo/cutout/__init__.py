"""Finds the product in a photo and cuts it out."""

from zoo.cutout.cutout import PRESET, Cutout

__all__ = ["PRESET", "Cutout"]
