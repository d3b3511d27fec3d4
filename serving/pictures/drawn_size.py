"""Brings drawn pictures to the size that a user wants, enlarging them with the zoo's models."""

import contextlib

import click

from serving.client.access import ServerAccess
from serving.pictures.source import open_source

LARGEST_FACTOR = 4


class DrawnSize:
    """Enlarges square pictures by the preset of the smallest factor that suffices, and reduces the result.

    Use it as a context manager, which keeps the model between pictures.

    Args:
        side: Side in pixels of the results; None keeps pictures as they are.
    """

    def __init__(self, side: int | None):
        self._side = side
        self._opened = contextlib.ExitStack()
        self._sources: dict = {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._opened.close()

    def apply(self, image_bytes: bytes) -> bytes:
        """Returns a PNG file's picture at the wanted size, as the bytes of a PNG file.

        Raises:
            click.UsageError: The size is more than four times the picture's own.
        """
        if self._side is None:
            return image_bytes
        import numpy as np
        from PIL import Image

        from zoo.pictures.photo import Photo
        from zoo.pictures.photo_writer import write_png

        photo = Photo.read(image_bytes)
        colours = photo.to_srgb()
        factor = -(-self._side // colours.shape[0])
        if factor > LARGEST_FACTOR:
            raise click.UsageError(
                f"--size must be at most {LARGEST_FACTOR} times the model's own size, "
                f"{colours.shape[0]} pixels. Received: --size {self._side}. Choose at most "
                f"{LARGEST_FACTOR * colours.shape[0]}."
            )
        if factor > 1:
            (colours,) = self._source(factor).predict("upscale", {"images": colours[None]})["images"]
        if colours.shape[0] != self._side:
            resized = Image.fromarray(colours).resize((self._side, self._side), Image.Resampling.BICUBIC)
            colours = np.asarray(resized)
        return write_png(np.ascontiguousarray(colours[..., :1]) if photo.is_grey else colours)

    def _source(self, factor: int):
        if factor not in self._sources:
            source = open_source(None, ServerAccess(), None, None, f"ecbsr_x{factor}", [])
            self._sources[factor] = self._opened.enter_context(source)
        return self._sources[factor]
