"""Cuts products out of photos with a model, and lays them on other grounds."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from serving.pictures.source import PictureSource
from serving.pictures.task import Converted, Result, confidence_of
from zoo.pictures import grounds
from zoo.pictures.photo import Photo, read_photo
from zoo.pictures.photo_writer import write_png

PRESET = "cutout_products"
MASK = "-mask"
DOUBT = "the product is hard to tell from the ground"


@dataclasses.dataclass(frozen=True, eq=False)
class CutOut:
    """What a model says of a photo's product.

    Args:
        colours: uint8 sRGB `[h, w, 3]`, without the ground that shines through at the edges.
        opacity: uint8 array `[h, w]`.
        mask_bytes: The mask as the bytes of an 8-bit PNG.
        confidence: How sure the model is, range [0, 1]; None if it does not say.
    """

    colours: np.ndarray
    opacity: np.ndarray
    mask_bytes: bytes
    confidence: float | None


def cut_out(raw_image: np.ndarray, source: PictureSource) -> CutOut:
    """Asks a model for the product of a photo, uint8 sRGB `[h, w, 3]`, or `[h, w, 4]` with its opacity.

    Raises:
        PredictionError: As for `PhotoTask.convert`.
        RowError: As for `PhotoTask.convert`, or there is no product.
    """
    inputs = {
        "image_bytes": np.array([write_png(raw_image)], dtype=object),
        "background": np.array([""], dtype=object),
    }
    outputs = source.predict("cutout_png", inputs)
    found = Photo.read(outputs["image_bytes"][0])
    opacity = np.full(raw_image.shape[:2], 255, "uint8") if found.opacity is None else found.opacity
    return CutOut(found.to_srgb(), opacity, outputs["mask_bytes"][0], confidence_of(outputs))


@dataclasses.dataclass(frozen=True)
class CuttingOut:
    """Cuts products out of photos; a `PhotoTask`.

    Args:
        background: None for a transparent ground, a colour's red, green and blue, or a picture's file.
        shadow: `none`, `soft` or `keep`.
        placing: Where the product stands in the result.
        ignores_opacity: Whether the photo's own transparency does not count as its mask.
        writes_mask: Whether to give the mask too.
    """

    background: tuple[int, int, int] | Path | None = None
    shadow: str = "none"
    placing: grounds.Placing = grounds.Placing()
    ignores_opacity: bool = False
    writes_mask: bool = False
    png_endings: ClassVar[tuple[str, ...]] = (MASK,)

    @property
    def endings(self) -> list[str]:
        return ["", *([MASK] if self.writes_mask else [])]

    @property
    def growth(self) -> float:
        return 2.0

    def convert(self, photo: Photo, source: PictureSource) -> Converted:
        if self.ignores_opacity and photo.opacity is not None:
            photo = dataclasses.replace(photo, pixels=photo.on_white(), opacity=None, profile=None)
        seen = photo.with_opacity()
        found = cut_out(seen, source)
        product = photo.changed(found.colours, before=seen[..., :3])
        opacity = found.opacity.astype("uint16") * 257 if product.is_deep else found.opacity
        picture = self._lay(dataclasses.replace(product, opacity=opacity), photo)
        results: list[Result] = [Result("", picture)]
        if self.writes_mask:
            results.append(Result(MASK, found.mask_bytes))
        return Converted(results, found.confidence, DOUBT)

    @property
    def makes_transparent(self) -> bool:
        return self.background is None

    def describe(self) -> dict[str, Any]:
        return {
            "command": "cutout",
            "background": str(self.background) if isinstance(self.background, Path) else self.background,
            "shadow": self.shadow,
            "size": self.placing.size,
            "fill": self.placing.fill,
            "ignore_alpha": self.ignores_opacity,
            "mask": self.writes_mask,
        }

    def _lay(self, product: Photo, photo: Photo) -> Photo:
        is_plain = self.background is None and self.shadow == "none" and self.placing == grounds.Placing()
        if is_plain and product.pixels.shape[-1] < 4:
            return product
        # Inks and grey levels have no transparent or coloured grounds; 8 bits are enough for what is drawn.
        product = product.as_rgb()
        cut_out = product.with_own_opacity()
        if self.shadow == "soft":
            cut_out = grounds.add_soft_shadow(cut_out)
        elif self.shadow == "keep":
            cut_out = grounds.keep_shadow(cut_out, photo.to_srgb())
        cut_out = self.placing.apply(cut_out)
        opacity = None
        if self.background is None:
            laid, opacity = cut_out[..., :3], np.ascontiguousarray(cut_out[..., 3])
        elif isinstance(self.background, Path):
            ground = product.from_srgb(read_photo(self.background.read_bytes(), has_opacity=False))
            laid = grounds.lay_on_picture(cut_out, ground)
        else:
            (colour,) = product.from_srgb(np.array([[self.background]], "uint8")).reshape(-1, 3)
            laid = grounds.lay_on_colour(cut_out, tuple(colour))
        if photo.is_grey and (laid == laid[..., :1]).all():
            laid = laid[..., :1]
        return product.with_colours(np.ascontiguousarray(laid), opacity)
