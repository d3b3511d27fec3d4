"""Enlarges pictures to any size up to four times their own, by the zoo's models in this process."""

import contextlib
import math
import threading

from serving.client.access import ServerAccess
from serving.pictures.source import PictureSource, open_source

LARGEST_FACTOR = 4


class Enlarger:
    """Enlarges by the preset of the smallest factor that suffices, and reduces the result to size.

    Use it as a context manager, which keeps the models between pictures. Threads may share it.

    Example:

    ```python
    with Enlarger() as enlarger:
        larger = enlarger.resize(raw_image, 500, 400)
    ```
    """

    def __init__(self):
        self._opened = contextlib.ExitStack()
        self._sources: dict[int, PictureSource] = {}
        self._lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._opened.close()

    def resize(self, raw_image, width: int, height: int):
        """Returns a picture at another size, uint8 `[height, width, 3]`.

        Args:
            raw_image: uint8 array `[h, w, 3]`.
            width: Width in pixels, at most four times the picture's.
            height: Height in pixels, likewise.

        Raises:
            ValueError: The picture would have to grow more.
        """
        import numpy as np
        from PIL import Image

        scale = max(width / raw_image.shape[1], height / raw_image.shape[0])
        factor = math.ceil(scale - 1e-9)
        if factor > LARGEST_FACTOR:
            raise ValueError(
                f"A picture must grow by at most {LARGEST_FACTOR} times. Received: {scale:.1f} times. "
                "Choose a smaller size, or take a larger photo."
            )
        if factor > 1:
            (raw_image,) = self._source(factor).predict("upscale", {"images": raw_image[None]})["images"]
        if raw_image.shape[:2] == (height, width):
            return raw_image
        picture = Image.fromarray(raw_image)
        return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))

    def _source(self, factor: int) -> PictureSource:
        with self._lock:
            if factor not in self._sources:
                source = open_source(None, ServerAccess(), None, None, f"ecbsr_x{factor}", [])
                self._sources[factor] = self._opened.enter_context(source)
            return self._sources[factor]
