"""Names colours by the eleven basic English colour terms.

The boundaries are this project's own, drawn in OKLCH (lightness, chroma, hue) around typical examples of each
term: pink is light red, brown is dark orange and dark yellow. Warm hues count as grey or white up to a higher
chroma than cool ones, because indoor light is warm.

Sources:
    [BasicTerms] Berlin and Kay 1969, "Basic Color Terms".
    [ColourNaming] van de Weijer, Schmid, Verbeek and Larlus 2009, "Learning Color Names for Real-World
        Applications".
"""

import itertools

import numpy as np
from numpy.typing import ArrayLike

# Normal deviation of a photo's colours: OKLab lightness, chroma, hue in degrees.
_DOUBT = (0.05, 0.013, 8.0)
_STEPS = np.array(list(itertools.product((-1, -0.5, 0, 0.5, 1), repeat=3)))
_STEPS = _STEPS[np.abs(_STEPS).sum(axis=1) <= 2]

BLACK_LIGHTNESS, WHITE_LIGHTNESS = 0.345, 0.77


def neutral_chroma(lightness: ArrayLike, hue: ArrayLike) -> np.ndarray:
    """Returns the chroma below which a colour counts as black, grey or white.

    Args:
        lightness: float array, range [0, 1].
        hue: float array of the same shape, degrees in [0, 360).

    Returns:
        float array of the same shape: highest for the hues of warm light, and for the darkest colours.

    Example:

    >>> limits = neutral_chroma(np.array([0.6, 0.6]), np.array([80.0, 260.0]))
    >>> bool(limits[0] > limits[1])
    True
    """
    warmth = np.clip(1.2 - np.abs((np.asarray(hue) - 80 + 180) % 360 - 180) / 50, 0, 1)
    darkness = np.clip((0.42 - np.asarray(lightness)) / 0.2, 0, 1)
    paleness = np.clip((np.asarray(lightness) - 0.7) / 0.15, 0, 1)
    return 0.021 + 0.009 * warmth + 0.004 * darkness + 0.006 * paleness


def name_colour(lightness: float, chroma: float, hue: float) -> str:
    """Names one colour.

    Args:
        lightness: OKLab lightness, range [0, 1].
        chroma: Distance from grey in OKLab, from 0 to about 0.3.
        hue: Hue in degrees; pure red is at 29, yellow at 110, green at 142, blue at 264.

    Returns:
        One of the eleven basic colour terms.

    Example:

    >>> name_colour(0.63, 0.26, 29), name_colour(0.4, 0.08, 60), name_colour(0.5, 0.0, 0)
    ('red', 'brown', 'grey')
    """
    hue %= 360
    if chroma < neutral_chroma(lightness, hue):
        return name_neutral(lightness)
    if lightness < 0.22 and chroma < 0.06:
        return "black"
    if 200 <= hue < 290:
        return "blue"
    if 116 <= hue < 200:
        return "green"
    if 290 <= hue < 348:
        return "pink" if lightness > (0.85 if hue < 318 else 0.64) else "purple"
    if hue >= 348 or hue < 42:
        return _name_red(lightness, chroma, hue)
    return _name_warm(lightness, chroma, hue)


def name_neutral(lightness: float) -> str:
    """Names a colour without hue: "black", "grey" or "white".

    Example:

    >>> name_neutral(0.9)
    'white'
    """
    if lightness < BLACK_LIGHTNESS:
        return "black"
    return "white" if lightness > WHITE_LIGHTNESS else "grey"


def _name_red(lightness: float, chroma: float, hue: float) -> str:
    """Names colours from crimson to vermilion: pink if light, brown if dull."""
    turn = (hue + 20) % 360  # from 0 at crimson's blue side to 62 at vermilion
    if lightness > 0.56 + 0.12 * min(1.0, turn / 42):
        is_vivid = turn > 46 and chroma > 0.15
        return "orange" if is_vivid and lightness > 0.70 else "red" if is_vivid else "pink"
    if turn < 28 and lightness > 0.45 and chroma > 0.13:
        return "pink"
    return "red" if chroma > (0.06 if turn < 44 else 0.10) else "brown"


def _name_warm(lightness: float, chroma: float, hue: float) -> str:
    """Names colours from orange through brown to yellow and olive."""
    if hue < 78:
        if chroma > 0.125 and lightness > 0.60:
            return "orange"
        return "pink" if hue < 52 and lightness > 0.74 else "brown"
    if lightness > (0.58 if hue < 104 else 0.64) and chroma > (0.085 if hue < 100 else 0.06):
        return "yellow"
    if hue > 98 and lightness < 0.7:
        return "green"
    return "brown" if lightness < 0.8 else "yellow" if chroma > 0.06 else "white"


def certainty_of(name: str, lightness: float, chroma: float, hue: float) -> float:
    """Returns how robust a colour's name is against a photo's normal deviations.

    Args:
        name: The name given to the colour.
        lightness: As for `name_colour`.
        chroma: As for `name_colour`.
        hue: As for `name_colour`.

    Returns:
        Share of the colours within a photo's normal deviation that have the same name, range [0, 1].

    Example:

    >>> certainty_of("blue", 0.5, 0.2, 250.0)
    1.0
    """
    around = np.array([lightness, chroma, hue]) + _STEPS * _DOUBT
    return float(np.mean([name_colour(light, max(0.0, c), h) == name for light, c, h in around]))
