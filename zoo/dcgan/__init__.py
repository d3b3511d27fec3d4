"""DCGAN that generates product pictures, conditional on the product's attributes."""

from zoo.dcgan.dcgan import DCGAN

__all__ = ["DCGAN"]
