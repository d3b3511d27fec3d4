"""Draws one product picture: background, shadow, patterned fabric, shading and seams."""

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from training.data.rendered.shapes import make_shape
from zoo.colour.basic_colours import COLOURS

PATTERNS = ("plain", "striped", "dotted", "checked")
MAX_SIZE = 256

_LIGHT_BACKGROUNDS = ((250, 250, 250), (236, 237, 240), (241, 236, 228), (228, 235, 241), (238, 240, 230))
_DEEPER_BACKGROUNDS = ((196, 203, 212), (205, 196, 184), (190, 204, 196), (208, 194, 198))


def draw_product(
    category: str, colour: str, pattern: str, size: int, random: np.random.Generator
) -> np.ndarray:
    """Draws a product on a plain background.

    Args:
        category: A key of `training.data.rendered.shapes.SHAPES`.
        colour: A key of `COLOURS`.
        pattern: One of `PATTERNS`.
        size: Side of the picture in pixels.
        random: Source of proportions, pose, background and small colour variations.

    Returns:
        uint8 array `[size, size, 3]`, range [0, 255].

    Example:

    >>> draw_product("bag", "red", "plain", 32, np.random.default_rng(0)).shape
    (32, 32, 3)
    """
    # Drawn larger and scaled down, because Pillow's polygons have hard edges.
    side = size * (3 if size < 48 else 2)
    shape = make_shape(category, random)
    place = _make_pose(random, side, may_flip=category == "shoe")
    # The same shift for all channels: a tint would turn grey into another colour.
    base = np.clip(np.array(COLOURS[colour]) + random.uniform(-8, 8), 0, 255).astype("float32")
    fabric = _make_fabric(base, pattern, side, random)
    trim = np.array([238, 238, 235] if base.mean() < 190 else [150, 148, 146])

    canvas = _make_background(colour, side, random)
    whole = Image.new("L", (side, side))
    product = Image.new("RGB", (side, side))
    for part in shape.parts:
        polygon = place(part.polygon())
        mask = Image.new("L", (side, side))
        ImageDraw.Draw(mask).polygon(polygon, fill=255)
        pixels = np.broadcast_to(trim, fabric.shape) if part.is_trim else fabric * part.tone
        product.paste(Image.fromarray(np.clip(pixels, 0, 255).astype("uint8")), mask=mask)
        whole = ImageChops.lighter(whole, mask)
    seams = Image.new("L", (side, side))
    for seam in shape.seams:
        ImageDraw.Draw(seams).line(place(seam), fill=255, width=max(1, side // 110), joint="curve")

    canvas = _lay_shadow(canvas, whole)
    lit = _shade(np.asarray(product, "float32"), whole, seams, colour == "black", random)
    canvas.paste(Image.fromarray(lit), mask=whole)
    return np.asarray(canvas.resize((size, size), Image.Resampling.BOX))


def _make_pose(random, side: int, may_flip: bool):
    angle = np.radians(random.uniform(-4, 4))
    scale = random.uniform(0.93, 1.03)
    shift = random.uniform(-0.02, 0.02, size=2)
    flip = -1.0 if may_flip and random.uniform() < 0.5 else 1.0
    rotation = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def place(points):
        centred = (np.array(points) - 0.5) * [flip, 1.0]
        return [tuple(point) for point in (centred @ rotation.T + 0.5 + shift) * side]

    return place


def _make_background(colour: str, side: int, random) -> Image.Image:
    # A white product would be invisible on a white background.
    choices = _DEEPER_BACKGROUNDS if colour == "white" else _LIGHT_BACKGROUNDS
    top = np.array(choices[random.integers(len(choices))], "float32")
    fall = random.uniform(0.90, 1.0)
    rows = np.linspace(1.0, fall, side, dtype="float32")[:, None, None]
    ground = np.broadcast_to(top * rows, (side, side, 3))
    return Image.fromarray(ground.astype("uint8"))


def _make_fabric(base: np.ndarray, pattern: str, side: int, random) -> np.ndarray:
    """Returns float32 `[side, side, 3]`: fabric in the base colour, with the pattern in a second shade."""
    angle = np.radians(random.uniform(-8, 8) + (90 if random.uniform() < 0.5 else 0))
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    # In repeats of the pattern: seven to nine across a picture are still visible at 28 pixels.
    axis = np.linspace(0, random.uniform(7, 9), side, dtype="float32")
    across = axis[None, :] * cosine + axis[:, None] * sine + np.float32(random.uniform())
    along = axis[:, None] * cosine - axis[None, :] * sine + np.float32(random.uniform())
    if pattern == "plain":
        weight = np.zeros((side, side), "float32")
    elif pattern == "striped":
        weight = (across % 1.0 < 0.42).astype("float32")
    elif pattern == "dotted":
        staggered = along + 0.5 * (np.floor(across) % 2)
        weight = (np.hypot(across % 1.0 - 0.5, staggered % 1.0 - 0.5) < 0.29).astype("float32")
    else:
        weight = ((across % 1.0 < 0.5).astype("float32") + (along % 1.0 < 0.5).astype("float32")) / 2
    second = base * 0.45 if base @ [0.299, 0.587, 0.114] > 170 else base + (255 - base) * 0.72
    return base + weight[..., None] * (second - base).astype("float32")


def _lay_shadow(canvas: Image.Image, whole: Image.Image) -> Image.Image:
    side = canvas.width
    offset = ImageChops.offset(whole, side // 60, side // 40)
    shadow = offset.filter(ImageFilter.GaussianBlur(side / 40)).point(lambda value: value * 0.32)
    return Image.composite(Image.new("RGB", canvas.size, (40, 40, 50)), canvas, shadow)


def _shade(product: np.ndarray, whole: Image.Image, seams: Image.Image, is_dark: bool, random) -> np.ndarray:
    side = whole.width
    # The blurred mask rises from the outline inwards; its slope towards the light makes products look round.
    relief = np.asarray(whole.filter(ImageFilter.GaussianBlur(side / 22)), "float32") / 255
    fall_y, fall_x = np.gradient(relief)
    light = 1 + np.clip(0.016 * side * (0.6 * fall_x + fall_y), -0.16, 0.08)
    phases = np.linspace(0, random.uniform(8, 14), side, dtype="float32") + np.float32(random.uniform(0, 6))
    light *= 1 + 0.025 * np.sin(phases)
    thin = np.asarray(seams.filter(ImageFilter.GaussianBlur(side / 400)), "float32") / 255
    edge = np.clip(1 - 1.6 * relief, 0, 0.5)
    # On black, seams and edges are only visible if they are lighter.
    if is_dark:
        shaded = product * light[..., None] + (30 * thin + 26 * edge)[..., None]
    else:
        shaded = product * (light - 0.30 * thin - 0.35 * edge)[..., None]
    return np.clip(shaded, 0, 255).astype("uint8")
