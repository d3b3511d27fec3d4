"""Product shapes of the rendered catalogue."""

from collections.abc import Callable

import numpy as np

from training.data.rendered.outline import Part, Shape, arc, band, mirror, mirror_lines


def make_shape(category: str, random: np.random.Generator) -> Shape:
    """Makes a product's shape with random proportions.

    Args:
        category: A key of `SHAPES`.
        random: Source of the proportions.

    Returns:
        The shape, upright and centred.

    Example:

    >>> len(make_shape("hat", np.random.default_rng(0)).parts)
    4
    """
    return SHAPES[category](random)


def _t_shirt(random) -> Shape:
    sleeve = random.uniform(0.0, 0.06)
    chest = random.uniform(0.68, 0.71)
    hem = random.uniform(0.84, 0.89)
    neck = random.uniform(0.215, 0.26)
    right = [
        (0.53, neck),
        (0.575, neck - 0.03),
        (0.60, 0.145),
        (0.70, 0.185),
        (0.76, 0.23),
        (0.90 + sleeve / 3, 0.40 + sleeve),
        (0.79 + sleeve / 3, 0.475 + sleeve),
        (chest, 0.37),
        (chest - 0.01, 0.60),
        (chest + 0.005, hem),
    ]
    collar = [
        (0.60, 0.145),
        (0.578, neck - 0.03),
        (0.53, neck),
        (0.47, neck),
        (0.422, neck - 0.03),
        (0.40, 0.145),
    ]
    inside = [(0.40, 0.145), (0.46, 0.165), (0.54, 0.165), (0.60, 0.145), (0.56, neck), (0.44, neck)]
    cuff = [(0.885 + sleeve / 3, 0.375 + sleeve), (0.775 + sleeve / 3, 0.45 + sleeve)]
    return Shape(
        parts=[
            Part(inside, 0.02, tone=0.6),
            Part(mirror(right), 0.025),
            Part(band(collar, 0.022), 0.01, tone=0.82),
        ],
        seams=[
            *mirror_lines(cuff, [(0.715, 0.19), (0.70, 0.27), (chest, 0.37)]),
            [(1 - chest, hem - 0.03), (chest, hem - 0.03)],
        ],
    )


def _trouser(random) -> Shape:
    flare = random.uniform(-0.035, 0.05)
    rise = random.uniform(0.37, 0.42)
    hem = random.uniform(0.90, 0.94)
    right = [
        (0.5, 0.085),
        (0.63, 0.08),
        (0.655, 0.22),
        (0.675, 0.36),
        (0.67 + flare / 2, 0.64),
        (0.665 + flare, hem),
        (0.545, hem + 0.01),
        (0.53, 0.62),
        (0.507, rise),
    ]
    waistband = mirror([(0.5, 0.08), (0.632, 0.075), (0.64, 0.13), (0.5, 0.137)])
    pocket = [(0.585, 0.137), (0.60, 0.19), (0.652, 0.215)]
    crease = [(0.595, 0.32), (0.60 + flare / 2, hem - 0.03)]
    return Shape(
        parts=[Part(mirror(right), 0.02), Part(waistband, 0.008, tone=0.82)],
        seams=[
            *mirror_lines(pocket, crease),
            [(0.5, 0.137), (0.5, rise)],
            [(0.5, 0.30), (0.525, 0.27), (0.527, 0.137)],
        ],
    )


def _dress(random) -> Shape:
    flare = random.uniform(0.74, 0.84)
    hem = random.uniform(0.88, 0.93)
    waist = random.uniform(0.42, 0.47)
    neck = random.uniform(0.19, 0.25)
    right = [
        (0.525, neck),
        (0.565, neck - 0.05),
        (0.575, 0.075),
        (0.635, 0.08),
        (0.625, 0.19),
        (0.665, 0.25),
        (0.60, waist),
        (0.66, waist + 0.14),
        (flare, hem - 0.03),
        (0.64, hem),
        (0.55, hem + 0.012),
    ]
    belt = mirror(
        [(0.5, waist - 0.018), (0.603, waist - 0.022), (0.605, waist + 0.018), (0.5, waist + 0.024)]
    )
    return Shape(
        parts=[Part(mirror(right), 0.03), Part(belt, 0.006, tone=0.72)],
        seams=mirror_lines(
            [(0.53, waist + 0.04), (0.565, hem - 0.03)],
            [(0.57, waist + 0.04), (0.56 + (flare - 0.5) * 0.5, hem - 0.05)],
            [(0.56, 0.30), (0.545, waist - 0.03)],
        ),
    )


def _shoe(random) -> Shape:
    collar = random.uniform(0.33, 0.40)
    toe = random.uniform(0.09, 0.13)
    sole = random.uniform(0.055, 0.075)
    upper = [
        (0.885, 0.70),
        (0.90, 0.56),
        (0.875, collar + 0.02),
        (0.83, collar - 0.015),
        (0.73, collar + 0.065),
        (0.62, collar + 0.05),
        (0.555, collar - 0.045),
        (0.50, collar - 0.035),
        (0.36, 0.51),
        (0.22, 0.565),
        (toe + 0.03, 0.62),
        (toe, 0.70),
    ]
    sole_part = [
        (toe - 0.02, 0.69),
        (0.90, 0.69),
        (0.895, 0.69 + sole),
        (toe + 0.04, 0.69 + sole),
        (toe - 0.015, 0.72),
    ]
    laces = [
        Part(
            band([(0.36 + 0.055 * i, 0.515 - 0.045 * i), (0.415 + 0.055 * i, 0.565 - 0.04 * i)], 0.02),
            0.004,
            is_trim=True,
        )
        for i in range(4)
    ]
    inside = [
        (0.83, collar - 0.01),
        (0.74, collar + 0.02),
        (0.62, collar + 0.02),
        (0.56, collar - 0.03),
        (0.66, collar + 0.10),
        (0.78, collar + 0.09),
    ]
    return Shape(
        parts=[
            Part(inside, 0.02, tone=0.55),
            Part(upper, 0.05),
            Part(
                [
                    (0.90, 0.56),
                    (0.872, collar + 0.03),
                    (0.82, collar + 0.03),
                    (0.80, 0.60),
                    (0.82, 0.70),
                    (0.89, 0.70),
                ],
                0.02,
                tone=0.8,
            ),
            Part(sole_part, 0.02, is_trim=True),
            *laces,
        ],
        seams=[
            arc((toe + 0.03, 0.72), (0.17, 0.14), 300, 360, 12),
            [(0.44, 0.60), (0.56, 0.64), (0.60, 0.69)],
            [(0.59, collar + 0.08), (0.56, 0.58), (0.44, 0.60)],
        ],
    )


def _bag(random) -> Shape:
    top = random.uniform(0.40, 0.45)
    width = random.uniform(0.28, 0.33)
    handle = random.uniform(0.24, 0.30)
    flap = random.uniform(0.60, 0.66)
    body = mirror([(0.5, top), (0.5 + width, top), (0.5 + width + 0.05, 0.86), (0.5, 0.87)])
    flap_part = mirror(
        [
            (0.5, top - 0.01),
            (0.5 + width + 0.005, top - 0.01),
            (0.5 + width + 0.015, flap - 0.06),
            (0.5 + 0.12, flap),
            (0.5, flap + 0.005),
        ]
    )
    strap = arc((0.5, top + 0.02), (width * 0.62, handle), 180, 360)
    return Shape(
        parts=[
            Part(band(strap, 0.04), 0.005, tone=0.78),
            Part(body, 0.05),
            Part(flap_part, 0.035, tone=0.88),
            Part(
                mirror(
                    [(0.5, flap - 0.035), (0.535, flap - 0.035), (0.535, flap + 0.025), (0.5, flap + 0.025)]
                ),
                0.008,
                is_trim=True,
            ),
        ],
        seams=[mirror([(0.5 + width - 0.012, top + 0.02), (0.5 + width, flap - 0.075), (0.61, flap - 0.02)])],
    )


def _hat(random) -> Shape:
    crown = random.uniform(0.23, 0.29)
    brim = random.uniform(0.40, 0.45)
    top = random.uniform(0.15, 0.19)
    brim_part = arc((0.5, 0.655), (brim, 0.105), 0, 360, 40)
    crown_part = mirror(
        [
            (0.5, crown + 0.025),
            (0.5 + top * 0.55, crown - 0.01),
            (0.5 + top, crown + 0.04),
            (0.735, 0.52),
            (0.75, 0.655),
            (0.66, 0.69),
            (0.56, 0.703),
        ]
    )
    band = mirror([(0.5, 0.612), (0.62, 0.602), (0.741, 0.565), (0.75, 0.652), (0.66, 0.688), (0.5, 0.705)])
    return Shape(
        parts=[
            Part(brim_part, 0.02),
            Part(arc((0.5, 0.66), (brim * 0.78, 0.062), 0, 180, 24), 0.01, tone=0.85),
            Part(crown_part, 0.04),
            Part(band, 0.012, tone=0.6),
        ],
        seams=[[(0.44, crown + 0.06), (0.5, crown + 0.10), (0.56, crown + 0.06)]],
    )


SHAPES: dict[str, Callable[[np.random.Generator], Shape]] = {
    "t-shirt": _t_shirt,
    "trouser": _trouser,
    "dress": _dress,
    "shoe": _shoe,
    "bag": _bag,
    "hat": _hat,
}
