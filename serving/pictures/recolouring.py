"""Shows products in other colours with a model."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from serving.pictures.colour_options import Colour, to_label
from serving.pictures.colourways import make_sheet
from serving.pictures.source import PictureSource
from serving.pictures.task import Converted, Result, confidence_of
from zoo.pictures.photo import Photo
from zoo.pictures.photo_writer import write_png

SHEET, MASK = "-colourways", "-mask"
DOUBT = "the product or its colour is hard to tell"


@dataclasses.dataclass(frozen=True)
class Recolouring:
    """Shows products in other colours; a `PhotoTask`.

    Args:
        targets: The new colours.
        source_colour: The product's colour to change; None for its main one.
        strength: Share of the change, range [0, 1].
        writes_mask: Whether to give the mask too.
    """

    targets: tuple[Colour, ...]
    source_colour: Colour | None = None
    strength: float = 1.0
    writes_mask: bool = False
    png_endings: ClassVar[tuple[str, ...]] = (SHEET, MASK)
    makes_transparent: ClassVar[bool] = False

    @property
    def endings(self) -> list[str]:
        endings = [f"-{to_label(colour)}" for colour in self.targets]
        return endings + [SHEET] * (len(self.targets) > 1) + [MASK] * self.writes_mask

    @property
    def growth(self) -> float:
        return len(self.targets)

    def convert(self, photo: Photo, source: PictureSource) -> Converted:
        seen = photo.with_opacity()
        inputs = {
            "image_bytes": np.array([write_png(seen)], dtype=object),
            "source_colour": np.array([self.source_colour.text if self.source_colour else ""], dtype=object),
            "strength": np.array([self.strength], "float32"),
        }
        results, pictures = [], []
        for colour, ending in zip(self.targets, self.endings, strict=False):
            target = np.array([colour.text], dtype=object)
            outputs = source.predict("recolour_png", {**inputs, "target_colour": target})
            recoloured = Photo.read(outputs["image_bytes"][0])
            pictures.append(recoloured.with_opacity())
            results.append(Result(ending, photo.changed(recoloured.to_srgb(), before=seen[..., :3])))
        if len(self.targets) > 1:
            results.append(Result(SHEET, write_png(make_sheet([seen, *pictures]))))
        if self.writes_mask:
            results.append(Result(MASK, outputs["mask_bytes"][0]))
        return Converted(results, confidence_of(outputs), DOUBT)

    def describe(self) -> dict[str, Any]:
        return {
            "command": "recolour",
            "to": [colour.text for colour in self.targets],
            "from": self.source_colour.text if self.source_colour else None,
            "strength": self.strength,
            "mask": self.writes_mask,
        }
