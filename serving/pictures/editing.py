"""Changes attributes of photos with a model."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from serving.pictures.source import PictureSource
from serving.pictures.task import Converted, Result
from zoo.pictures.photo import Photo
from zoo.pictures.photo_writer import write_png


@dataclasses.dataclass(frozen=True)
class Editing:
    """Changes attributes of photos; a `PhotoTask`.

    Args:
        attributes: Values of the inputs of `edit_png`, by name; `""` where nothing is asked for.
    """

    attributes: Mapping[str, str]
    endings: ClassVar[tuple[str, ...]] = ("",)
    png_endings: ClassVar[tuple[str, ...]] = ()
    makes_transparent: ClassVar[bool] = False
    growth: ClassVar[float] = 1.0

    def convert(self, photo: Photo, source: PictureSource) -> Converted:
        inputs = {name: np.array([value], dtype=object) for name, value in self.attributes.items()}
        inputs["image_bytes"] = np.array([write_png(photo.with_opacity())], dtype=object)
        edited = Photo.read(source.predict("edit_png", inputs)["image_bytes"][0])
        if edited.size == photo.size:
            return Converted([Result("", photo.changed(edited.to_srgb()))])
        # A model that answers at its own size makes a picture of its own.
        picture = dataclasses.replace(
            photo.with_colours(edited.pixels, edited.opacity), profile=None, is_lossless=False
        )
        return Converted([Result("", picture)])

    def describe(self) -> dict[str, Any]:
        return {"command": "edit", **{name: value for name, value in self.attributes.items() if value}}
