"""Names of single colours, and their OKLab values computed from sRGB."""

import numpy as np
import pytest

from training.colour.colour_names import certainty_of, name_colour
from training.colour.oklab import to_linear, to_oklab
from zoo.colour.basic_colours import COLOURS

EXAMPLES = {
    "black": [(0, 0, 0), (30, 28, 27)],
    "white": [(255, 255, 255), (245, 240, 230), (235, 238, 245)],
    "grey": [(128, 128, 128), (90, 92, 95), (160, 156, 150)],
    "red": [(255, 0, 0), (128, 0, 32), (178, 34, 34)],
    "green": [(0, 128, 0), (128, 128, 0), (0, 255, 0), (152, 230, 170)],
    "yellow": [(255, 255, 0), (240, 225, 120), (212, 170, 50)],
    "blue": [(0, 0, 255), (25, 30, 70), (135, 206, 235)],
    "brown": [(101, 67, 33), (139, 90, 43), (160, 110, 70)],
    "purple": [(128, 0, 128), (75, 0, 130), (150, 111, 214)],
    "pink": [(255, 192, 203), (255, 105, 180), (250, 128, 150)],
    "orange": [(255, 165, 0), (255, 120, 20)],
}


def in_oklch(rgb):
    lightness, a, b = to_oklab(to_linear(np.array(rgb, "uint8")))
    return float(lightness), float(np.hypot(a, b)), float(np.degrees(np.arctan2(b, a)) % 360)


@pytest.mark.parametrize(("name", "rgb"), [(name, rgb) for name in EXAMPLES for rgb in EXAMPLES[name]])
def test_examples_of_each_term(name, rgb):
    assert name_colour(*in_oklch(rgb)) == name


@pytest.mark.parametrize("name", COLOURS)
def test_the_drawn_colours_lie_well_inside_their_term(name):
    colour = in_oklch(COLOURS[name])
    assert name_colour(*colour) == name
    assert certainty_of(name, *colour) > 0.8


def test_any_colour_has_a_name():
    levels = np.arange(0, 256, 17)
    for rgb in np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 3):
        assert name_colour(*in_oklch(rgb)) in COLOURS


def test_certainty_falls_towards_a_boundary():
    assert certainty_of("grey", 0.55, 0.0, 0.0) == 1.0
    assert 0.2 < certainty_of("grey", 0.76, 0.0, 0.0) < 0.9


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [((255, 255, 255), (1, 0, 0)), ((255, 0, 0), (0.628, 0.2249, 0.1258)), ((0, 0, 0), (0, 0, 0))],
)
def test_oklab_of_known_colours(rgb, lab):
    np.testing.assert_allclose(to_oklab(to_linear(np.array(rgb, "uint8"))), lab, atol=2e-4)
