"""Removes JPEG blocks, ringing and noise from photos, at their own size."""

from zoo.cleaning.cleaner import Cleaner

__all__ = ["Cleaner"]
