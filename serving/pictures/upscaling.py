"""Enlarges photos with a model."""

import dataclasses
from typing import Any, ClassVar

import click
import numpy as np

from serving.pictures.cleaning import Cleaning
from serving.pictures.source import PictureSource
from serving.pictures.task import Converted, Result
from zoo.pictures.photo import Photo
from zoo.pictures.photo_writer import write_png


@dataclasses.dataclass(frozen=True)
class Upscaling:
    """Enlarges photos; a `PhotoTask`.

    Args:
        factor: Enlargement of each side, which tells how much memory is needed.
        cleaning: How to clean the photo before; None leaves it as it is.
    """

    factor: int
    cleaning: Cleaning | None = None
    endings: ClassVar[tuple[str, ...]] = ("",)
    png_endings: ClassVar[tuple[str, ...]] = ()
    makes_transparent: ClassVar[bool] = False

    @property
    def growth(self) -> float:
        return self.factor**2

    def convert(self, photo: Photo, source: PictureSource) -> Converted:
        if self.cleaning is not None:
            photo = self.cleaning.clean(photo, source)
        colours = photo.extended()
        if source.is_local and "images" in source.inputs_of("upscale"):
            (enlarged,) = source.predict("upscale", {"images": colours[None]})["images"]
        else:
            inputs = {"image_bytes": np.array([write_png(colours)], dtype=object)}
            enlarged = Photo.read(source.predict("upscale_png", inputs)["image_bytes"][0]).to_srgb()
        return Converted([Result("", photo.enlarged(enlarged))])

    def describe(self) -> dict[str, Any]:
        return {"command": "upscale", **dataclasses.asdict(self)}


def check_factor(source: PictureSource, factor: int) -> None:
    """Measures the model's factor by enlarging a single pixel, because names may mislead.

    Raises:
        click.UsageError: It is another one.
    """
    (enlarged,) = source.predict("upscale", {"images": np.zeros([1, 1, 1, 3], "uint8")})["images"]
    if enlarged.shape[0] != factor:
        raise click.UsageError(
            f"The model enlarges {enlarged.shape[0]} times. Received: --factor {factor}. Leave --factor out, "
            "or name another model."
        )
