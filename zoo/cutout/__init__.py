"""Finds the product in a photo and cuts it out."""

from zoo.cutout.cutout import Cutout

__all__ = ["Cutout"]
