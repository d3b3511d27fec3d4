"""Real photos of the demo, wider than high, to make views of."""

from pathlib import Path

import numpy as np
from PIL import Image

PHOTOS = Path(__file__).parents[2] / "serving" / "demo" / "photos"


def wide_photo(name, height=400) -> np.ndarray:
    """Returns a photo of the demo on its longer side, uint8 `[height, W, 3]`."""
    photo = Image.open(PHOTOS / f"{name}.jpg").convert("RGB")
    if photo.height > photo.width:
        photo = photo.transpose(Image.Transpose.ROTATE_90)
    size = round(photo.width * height / photo.height), height
    return np.asarray(photo.resize(size, Image.Resampling.BICUBIC))
