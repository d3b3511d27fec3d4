"""Draws the style pictures of the preset, which therefore belong to nobody else.

`python -m training.style.drawings DIR` writes them; the same numbers make the same pictures.
"""

import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 512
# Drawn larger by this factor and reduced, which smooths the edges.
_FINER = 2
_NUM_STROKES, _BRISTLES = 9000, 5
_TESSERA = 26
_SCALE_RADIUS, _RINGS = 46, 5


def draw_strokes() -> Image.Image:
    """Returns thick brush strokes along swirls, in blue, turquoise, ochre and cream."""
    generator = np.random.default_rng(1)
    side = SIDE * _FINER
    palette = np.array(
        [(18, 38, 92), (32, 84, 150), (70, 150, 178), (236, 190, 72), (246, 232, 190), (26, 60, 70)]
    )
    angles = 2.2 * math.pi * _smooth_noise(generator, side, 3)
    tones = _smooth_noise(generator, side, 5)
    image = Image.new("RGB", (side, side), (24, 50, 100))
    pen = ImageDraw.Draw(image)
    for _ in range(_NUM_STROKES):
        x, y = generator.integers(0, side, 2)
        tone = np.clip(tones[y, x] + generator.normal(0, 0.09), 0, 0.999)
        colour = palette[int(tone * len(palette))] + generator.normal(0, 12, 3)
        length, width = generator.uniform(30, 70), generator.uniform(8, 16)
        path = _follow(angles, x, y, length)
        for bristle in range(_BRISTLES):
            offset = (bristle / (_BRISTLES - 1) - 0.5) * width
            shade = colour + generator.normal(0, 16) + (18 if bristle == 1 else 0)
            line = [(px - math.sin(a) * offset, py + math.cos(a) * offset) for px, py, a in path]
            pen.line(line, _to_ink(shade), round(width / _BRISTLES) + 1, joint="curve")
    return _reduce(image)


def draw_mosaic() -> Image.Image:
    """Returns a mosaic of stones in terracotta, turquoise, gold and ivory on dark mortar."""
    generator = np.random.default_rng(2)
    side = SIDE * _FINER
    palette = np.array([(178, 74, 48), (226, 150, 70), (240, 224, 190), (46, 128, 130), (24, 66, 92)])
    step = _TESSERA * _FINER
    count = side // step + 3
    rows, columns = np.mgrid[0:count, 0:count]
    centres = np.stack([rows, columns + 0.5 * (rows % 2)], axis=-1) - 1.0
    centres = (centres + generator.uniform(-0.26, 0.26, centres.shape)) * step
    tones = _smooth_noise(generator, side, 4)
    y, x = np.mgrid[0:side, 0:side].astype("float32")
    near_each, owner_each = [], []
    for up in range(-1, 3):
        for left in range(-1, 3):
            row = np.clip((y // step).astype(int) + up, 0, count - 1)
            column = np.clip((x // step).astype(int) + left, 0, count - 1)
            centre = centres[row, column]
            near_each.append(np.hypot(y - centre[..., 0], x - centre[..., 1]))
            owner_each.append(row * count + column)
    distances, owners = np.stack(near_each), np.stack(owner_each)
    order = np.argsort(distances, axis=0)[:3]
    nearest = np.take_along_axis(owners, order, axis=0)
    near = np.take_along_axis(distances, order, axis=0)
    # A stone may have been found twice at the margin.
    second = np.where(nearest[1] == nearest[0], near[2], near[1])
    where = np.clip(centres.reshape(-1, 2), 0, side - 1).astype(int)
    tone = tones[where[:, 0], where[:, 1]] + generator.normal(0, 0.1, len(where))
    colours = palette[(np.clip(tone, 0, 0.999) * len(palette)).astype(int)]
    colours = colours + generator.normal(0, 14, colours.shape) + generator.normal(0, 10, (len(colours), 1))
    stones = colours[nearest[0]]
    # Light from the upper left on slightly domed stones.
    centre = centres.reshape(-1, 2)[nearest[0]]
    stones = stones - 9.0 * ((y - centre[..., 0]) + (x - centre[..., 1]))[..., None] / step
    is_mortar = (second - near[0] < 3.4 * _FINER)[..., None]
    return _reduce(Image.fromarray(np.where(is_mortar, (52, 44, 40), stones).clip(0, 255).astype("uint8")))


def draw_waves() -> Image.Image:
    """Returns rows of overlapping fans of rings, as on printed cotton, in indigo on natural white."""
    generator = np.random.default_rng(3)
    side = SIDE * _FINER
    inks = [(22, 44, 98), (240, 232, 212), (46, 92, 150), (240, 232, 212), (120, 164, 196)]
    image = Image.new("RGB", (side, side), (22, 44, 98))
    pen = ImageDraw.Draw(image)
    radius = _SCALE_RADIUS * _FINER
    row = 0
    while row * radius / 2 < side + 2 * radius:
        for column in range(-1, side // (2 * radius) + 3):
            x = column * 2 * radius + (radius if row % 2 else 0)
            y = row * radius / 2
            for ring in range(_RINGS):
                r = radius * (1 - ring / _RINGS)
                wobble = generator.normal(0, 1.2, 2)
                box = [x - r + wobble[0], y - r + wobble[1], x + r + wobble[0], y + r + wobble[1]]
                pen.ellipse(box, inks[ring])
        row += 1
    pixels = np.asarray(_reduce(image)).astype("float32")
    fibre = generator.normal(0, 7, (SIDE, SIDE, 1))
    tone = 26 * (_smooth_noise(generator, SIDE, 6)[..., None] - 0.5)
    return Image.fromarray((pixels + fibre + tone).clip(0, 255).astype("uint8"))


def draw_watercolour() -> Image.Image:
    """Returns washes of colour with dark rims on rough paper, in coral, teal, lemon and violet."""
    generator = np.random.default_rng(5)
    side = SIDE
    inks = np.array([(232, 108, 92), (34, 142, 148), (244, 204, 88), (110, 84, 158), (70, 120, 190)])
    paper = np.full((side, side, 3), (250.0, 247.0, 240.0))
    for number in range(14):
        field = _smooth_noise(generator, side, 4) + 0.16 * _smooth_noise(generator, side, 24)
        level = np.quantile(field, 0.80)
        depth = field - level
        wash = 0.5 + 0.5 * np.tanh(depth / 0.012)
        rim = np.exp(-np.square((depth - 0.008) / 0.010))
        grain = 0.75 + 0.5 * _smooth_noise(generator, side, 80)
        strength = (0.5 * wash * grain + 0.3 * rim)[..., None].clip(0, 1)
        ink = inks[number % len(inks)] / 255.0
        paper = paper * (1 - strength + strength * ink)
        if number % 5 == 4:  # the paper shines through again
            paper = 0.86 * paper + 0.14 * np.array((250.0, 247.0, 240.0))
    paper += generator.normal(0, 3.0, (side, side, 1)) + 8 * (
        _smooth_noise(generator, side, 120)[..., None] - 0.5
    )
    return Image.fromarray(paper.clip(0, 255).astype("uint8"))


DRAWINGS: dict[str, Callable[[], Image.Image]] = {
    "mosaic": draw_mosaic,
    "strokes": draw_strokes,
    "watercolour": draw_watercolour,
    "waves": draw_waves,
}


def _smooth_noise(generator, side: int, cells: int) -> np.ndarray:
    """Returns smooth random values `[side, side]`, spread evenly over [0, 1]."""
    coarse = Image.fromarray(generator.uniform(0, 1, (cells + 3, cells + 3)).astype("float32"))
    large = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC))
    ranks = np.argsort(np.argsort(large, axis=None, kind="stable"), kind="stable")
    return (ranks / (large.size - 1)).reshape(large.shape).astype("float32")


def _follow(angles, x: float, y: float, length: float) -> list[tuple[float, float, float]]:
    """Returns points and directions along the flow from a point."""
    path = []
    for _ in range(6):
        row, column = (int(np.clip(value, 0, len(angles) - 1)) for value in (y, x))
        angle = float(angles[row, column])
        path.append((x, y, angle))
        x, y = x + math.cos(angle) * length / 6, y + math.sin(angle) * length / 6
    return path


def _to_ink(colour) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in np.clip(colour, 0, 255))
    return red, green, blue


def _reduce(image: Image.Image) -> Image.Image:
    image = image.filter(ImageFilter.GaussianBlur(0.6))
    return image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def main(directory: Path) -> None:
    """Writes the drawings as PNG files to a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, draw in DRAWINGS.items():
        draw().save(directory / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
