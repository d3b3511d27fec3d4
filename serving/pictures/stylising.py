"""Redraws photos in a style with a model."""

import dataclasses
import io
from typing import Any, ClassVar

import click
import numpy as np
from PIL import Image

from serving.client.errors import RowError
from serving.pictures.cutting_out import DOUBT, cut_out
from serving.pictures.source import PictureSource
from serving.pictures.task import Converted, Result
from zoo.pictures import grounds
from zoo.pictures.photo import Photo
from zoo.pictures.photo_writer import write_png

PRESET = "styles"
NOTHING, PRODUCT = "nothing", "product"


@dataclasses.dataclass(frozen=True)
class Stylising:
    """Redraws photos in a style; a `PhotoTask`.

    Args:
        style: A style's name, or a mixture as `zoo/style/mixtures.py` describes it.
        strength: How much of the style, range [0, 1].
        keep: What stays as it is: `nothing`, or the `product`, for which the source must cut out too.
    """

    style: str
    strength: float = 1.0
    keep: str = NOTHING
    endings: ClassVar[tuple[str, ...]] = ("",)
    png_endings: ClassVar[tuple[str, ...]] = ()
    makes_transparent: ClassVar[bool] = False
    growth: ClassVar[float] = 1.0

    def convert(self, photo: Photo, source: PictureSource) -> Converted:
        colours = photo.extended()
        stylised = self._stylise(colours, source)
        confidence = None
        if self.keep == PRODUCT:
            found = cut_out(photo.with_opacity(), source)
            confidence = found.confidence
            opacity = found.opacity[..., np.newaxis]
            # Where nothing of the ground shines through, the product is the photo itself.
            product = np.concatenate([np.where(opacity == 255, colours, found.colours), opacity], axis=-1)
            stylised = grounds.lay_on_picture(product, stylised)
        return Converted([Result("", photo.changed(stylised, before=colours))], confidence, DOUBT)

    def describe(self) -> dict[str, Any]:
        return {"command": "stylise", **dataclasses.asdict(self)}

    def _stylise(self, colours: np.ndarray, source: PictureSource) -> np.ndarray:
        inputs = _inputs(self.style, self.strength)
        if source.is_local and "images" in source.inputs_of("stylise"):
            return source.predict("stylise", {"images": colours[None], **inputs})["images"][0]
        inputs["image_bytes"] = np.array([write_png(colours)], dtype=object)
        return Photo.read(source.predict("stylise_png", inputs)["image_bytes"][0]).to_srgb()


def check_style(source: PictureSource, style: str) -> None:
    """Asks the model for a single pixel in the style, before a folder's photos fail one by one.

    Raises:
        click.BadParameter: It does not know the style.
    """
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG")
    inputs = {"image_bytes": np.array([buffer.getvalue()], dtype=object), **_inputs(style, 1.0)}
    try:
        source.predict("stylise_png", inputs)
    except RowError as error:
        raise click.BadParameter(error.errors[0], param_hint="--style") from error


def _inputs(style: str, strength: float) -> dict[str, np.ndarray]:
    return {"style": np.array([style], dtype=object), "strength": np.array([strength], "float32")}
