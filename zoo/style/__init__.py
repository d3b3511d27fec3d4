"""Gives photos another style, at their own size."""

from zoo.style.style_transfer import StyleTransfer

__all__ = ["StyleTransfer"]
