"""Lays cut-out products on grounds, with a shadow and a margin, as market places ask for them."""

import dataclasses

import numpy as np
from PIL import Image, ImageFilter

from zoo.errors import WrongUsageError
from zoo.pictures.limits import MAX_PIXELS

SHADOWS = ("none", "soft", "keep")
# Market places ask for a product that fills this share of the picture.
MARKET_FILL = 0.85
# Opacity from which a pixel counts for the product's outline.
OUTLINE = 0.5
# The drawn shadow: how dark, how far below the product and how soft, as shares of the product's longer side.
SHADOW_OPACITY, SHADOW_DROP, SHADOW_BLUR = 0.35, 0.02, 0.03
# A photo's own shadow is kept up to this distance from the product, as a share of its longer side.
KEPT_REACH = 0.12


@dataclasses.dataclass(frozen=True)
class Placing:
    """Where the product stands in the result.

    Args:
        size: Width and height of the result in pixels; None keeps the photo's.
        fill: Share of the result's width or height, whichever is reached first, that the product fills; None
            leaves it where the photo has it.
    """

    size: tuple[int, int] | None = None
    fill: float | None = None

    def __post_init__(self):
        if self.fill is not None and not 0 < self.fill <= 1:
            raise WrongUsageError(
                "`--fill` must be above 0 and at most 1, because it is a share of the picture. "
                f"Received: {self.fill}. Market places ask for {MARKET_FILL}."
            )
        if self.size is not None and self.size[0] * self.size[1] > MAX_PIXELS:
            raise WrongUsageError(
                f"`--size` must have at most {MAX_PIXELS // 10**6} megapixels. "
                f"Received: {self.size[0]}x{self.size[1]}. Use e.g. 2000x2000."
            )

    def apply(self, product: np.ndarray) -> np.ndarray:
        """Centres and scales a cut-out.

        Args:
            product: uint8 array `[h, w, 4]`: colours and opacity, which includes a shadow's.

        Returns:
            uint8 array `[height, width, 4]`.
        """
        if self.size is None and self.fill is None:
            return product
        width, height = self.size or (product.shape[1], product.shape[0])
        left, top, right, bottom = outline_of(product)
        fill = MARKET_FILL if self.fill is None else self.fill
        scale = min(fill * width / (right - left), fill * height / (bottom - top))
        # The result's corners, in the photo's coordinates.
        x0, y0 = (left + right - width / scale) / 2, (top + bottom - height / scale) / 2
        return _resample(product, x0, y0, width, height, scale)


def outline_of(product: np.ndarray) -> tuple[int, int, int, int]:
    """Returns left, top, right and bottom of the product in a cut-out, uint8 `[h, w, 4]`.

    Example:

    >>> product = np.zeros([4, 5, 4], "uint8")
    >>> product[1:3, 2:5, 3] = 255
    >>> outline_of(product)
    (2, 1, 5, 3)
    """
    inside = product[..., 3] >= 255 * OUTLINE
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return 0, 0, product.shape[1], product.shape[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def lay_on_colour(product: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Lays a cut-out, uint8 `[h, w, 4]`, on one colour; returns uint8 `[h, w, 3]`."""
    ground = np.empty([*product.shape[:2], 3], "uint8")
    ground[:] = colour
    return _lay_on(product, ground)


def lay_on_picture(product: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Lays a cut-out on a picture, which is scaled to cover it; its middle is shown.

    Args:
        product: uint8 array `[h, w, 4]`.
        picture: uint8 array `[H, W, 3]`.

    Returns:
        uint8 array `[h, w, 3]`.
    """
    height, width = product.shape[:2]
    scale = max(height / picture.shape[0], width / picture.shape[1])
    x0 = (picture.shape[1] - width / scale) / 2
    y0 = (picture.shape[0] - height / scale) / 2
    box = (x0, y0, x0 + width / scale, y0 + height / scale)
    ground = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS, box=box)
    return _lay_on(product, np.asarray(ground))


def add_soft_shadow(product: np.ndarray) -> np.ndarray:
    """Draws a soft shadow under a cut-out, uint8 `[h, w, 4]`; returns the same kind of array."""
    left, top, right, bottom = outline_of(product)
    side = max(right - left, bottom - top)
    opacity = Image.fromarray(product[..., 3])
    moved = Image.new("L", opacity.size)
    moved.paste(opacity, (0, round(SHADOW_DROP * side)))
    blurred = np.asarray(moved.filter(ImageFilter.GaussianBlur(SHADOW_BLUR * side)), "float32")
    return _under(product, SHADOW_OPACITY * blurred / 255.0)


def keep_shadow(product: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """Keeps the photo's own shadow beside the product: how much darker the ground is there than further away.

    Args:
        product: uint8 array `[h, w, 4]`.
        photo: The photo, uint8 array `[h, w, 3]`.

    Returns:
        uint8 array `[h, w, 4]`.
    """
    left, top, right, bottom = outline_of(product)
    reach = max(1.0, KEPT_REACH * max(right - left, bottom - top))
    opacity = Image.fromarray(product[..., 3])
    near = np.asarray(opacity.filter(ImageFilter.GaussianBlur(reach / 2)), "float32") / 255.0
    light = photo.astype("float32").mean(axis=-1)
    is_ground = product[..., 3] == 0
    far = is_ground & (near < 0.02)
    if far.sum() < 0.02 * far.size:
        return product
    darkness = np.clip(1.0 - light / max(np.median(light[far]), 1.0), 0.0, 0.8)
    darkness = np.where(is_ground, darkness, 0.0) * np.clip(near / 0.25, 0.0, 1.0)
    # Texture of the ground is no shadow.
    soft = Image.fromarray((255.0 * darkness).astype("uint8")).filter(ImageFilter.GaussianBlur(reach / 12))
    return _under(product, np.asarray(soft, "float32") / 255.0)


def _under(product: np.ndarray, shadow: np.ndarray) -> np.ndarray:
    """Lays a cut-out over a black layer of the given opacity, float `[h, w]`."""
    opacity = product[..., 3:].astype("float32") / 255.0
    total = opacity + (1.0 - opacity) * shadow[..., None]
    colours = product[..., :3] * (opacity / np.maximum(total, 1e-6))
    result = np.concatenate([colours, 255.0 * total], axis=-1)
    # Pixels that are fully the product's keep their bytes.
    return np.where(opacity >= 1.0, product, np.round(result)).astype("uint8")


def _lay_on(product: np.ndarray, ground: np.ndarray) -> np.ndarray:
    opacity = product[..., 3:].astype("float32") / 255.0
    return np.round(ground + opacity * (product[..., :3].astype("float32") - ground)).astype("uint8")


def _resample(product, x0: float, y0: float, width: int, height: int, scale: float) -> np.ndarray:
    """Resizes the window of a cut-out that becomes the result; outside the photo it is transparent."""
    right, bottom = x0 + width / scale, y0 + height / scale
    outside = max(0.0, -x0, -y0, right - product.shape[1], bottom - product.shape[0])
    margin = int(np.ceil(outside)) + 1
    # Weighted by opacity, so that the colours behind it do not come forth at the edges.
    picture = Image.fromarray(np.pad(product, ((margin, margin), (margin, margin), (0, 0)))).convert("RGBa")
    box = (x0 + margin, y0 + margin, right + margin, bottom + margin)
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS, box=box).convert("RGBA"))
