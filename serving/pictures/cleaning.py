"""Cleans photos with a model."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from serving.pictures.source import PictureSource
from serving.pictures.task import Converted, Result
from zoo.pictures.photo import Photo
from zoo.pictures.photo_writer import write_png

PRESET = "clean_photos"
# What the signatures take for a strength that they shall estimate.
ESTIMATED = -1.0


@dataclasses.dataclass(frozen=True)
class Cleaning:
    """Cleans photos; a `PhotoTask`.

    Args:
        strength: The damage to expect, range [0, 1]; None estimates it from each photo.
    """

    strength: float | None = None
    endings: ClassVar[tuple[str, ...]] = ("",)
    png_endings: ClassVar[tuple[str, ...]] = ()
    makes_transparent: ClassVar[bool] = False
    growth: ClassVar[float] = 1.0

    def convert(self, photo: Photo, source: PictureSource) -> Converted:
        return Converted([Result("", self.clean(photo, source))])

    def clean(self, photo: Photo, source: PictureSource) -> Photo:
        """Returns the cleaned photo; raises as `PhotoTask.convert` does."""
        colours = photo.extended()
        strength = np.array([ESTIMATED if self.strength is None else self.strength], "float32")
        if source.is_local and "images" in source.inputs_of("clean"):
            (cleaned,) = source.predict("clean", {"images": colours[None], "strength": strength})["images"]
        else:
            inputs = {"image_bytes": np.array([write_png(colours)], dtype=object), "strength": strength}
            cleaned = Photo.read(source.predict("clean_png", inputs)["image_bytes"][0]).to_srgb()
        return photo.changed(cleaned, before=colours, keeps_grey=True)

    def describe(self) -> dict[str, Any]:
        return {"command": "clean", **dataclasses.asdict(self)}
