"""Makes one photo of several that overlap."""

from zoo.stitching.stitcher import Stitcher

__all__ = ["Stitcher"]
