"""The product's colour on any background and in any light; "" where it is uncertain."""

import pickle

import numpy as np
import pytest
from PIL import Image

from training.colour.product_colour import CONFIDENCE_THRESHOLD, judge_colour
from training.data.rendered.drawing import PATTERNS, draw_product
from training.data.rendered.shapes import SHAPES
from zoo.colour.basic_colours import COLOURS

BACKGROUNDS = {
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "wood": (170, 120, 75),
    "red": (170, 25, 30),
    "blue": (40, 70, 150),
    "green": (60, 120, 60),
}


def photo_on(background, product, size=96, noise=6.0):
    """A plain rectangle of cloth with folds on a noisy ground that is darker below."""
    random = np.random.default_rng(0)
    ground = np.array(background, float) * np.linspace(1, 0.85, size)[:, None, None]
    photo = np.broadcast_to(ground, (size, size, 3)).copy()
    folds = 1 + 0.1 * np.sin(np.linspace(0, 20, size))[None, :, None]
    inside = slice(size // 5, size - size // 6)
    photo[inside, inside] = (np.array(product, float) * np.broadcast_to(folds, photo.shape))[inside, inside]
    return np.clip(photo + random.normal(0, noise, photo.shape), 0, 255).astype("uint8")


@pytest.mark.parametrize("size", [64, 128])
def test_rendered_catalogue(size):
    wrong = []
    for index, (category, colour) in enumerate((a, b) for a in SHAPES for b in COLOURS):
        for pattern in PATTERNS:
            picture = draw_product(category, colour, pattern, size, np.random.default_rng([1, index]))
            best = judge_colour(picture).best
            wrong += [(category, colour, pattern, best)] if best != colour else []
    assert len(wrong) <= 0.02 * len(SHAPES) * len(COLOURS) * len(PATTERNS), wrong


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("colour", COLOURS)
def test_the_background_does_not_count(colour, background):
    ground, product = BACKGROUNDS[background], COLOURS[colour]
    if np.abs(np.subtract(ground, product)).sum() < 60:
        pytest.skip("nobody could tell them apart")
    assert judge_colour(photo_on(ground, product)).best == colour


@pytest.mark.parametrize("product", [(60, 120, 220), (20, 35, 90)])
def test_a_product_of_the_backgrounds_colour_family(product):
    assert judge_colour(photo_on((40, 70, 150), product)).best == "blue"


@pytest.mark.parametrize("colour", COLOURS)
def test_warm_light(colour):
    picture = draw_product("t-shirt", colour, "plain", 128, np.random.default_rng(0)).astype(float)
    # In sRGB values; a lamp of about 4000 K seen by a camera set to daylight.
    warm = (picture * [1.0, 0.94, 0.84]).astype("uint8")
    assert judge_colour(warm).best == colour


@pytest.mark.parametrize("colour", ["red", "blue", "black", "green"])
def test_a_shadow_is_not_the_product(colour):
    photo = np.full((96, 96, 3), 248, "uint8")
    photo[34:82, 30:80] = 165
    photo[22:74, 22:72] = COLOURS[colour]
    assert judge_colour(photo).best == colour


@pytest.mark.parametrize("colour", COLOURS)
def test_a_product_that_touches_three_sides(colour):
    photo = photo_on((205, 196, 184), COLOURS[colour])
    assert judge_colour(photo[16:, 14:80]).best == colour


def test_a_small_product_on_white():
    photo = np.full((128, 128, 3), 255, "uint8")
    photo[50:84, 40:82] = COLOURS["green"]
    assert judge_colour(photo).colour == "green"


def test_two_colours_in_halves_are_left_open():
    photo = np.full((96, 96, 3), 250, "uint8")
    photo[16:48, 16:80] = COLOURS["red"]
    photo[48:80, 16:80] = COLOURS["blue"]
    judgement = judge_colour(photo)
    assert judgement.colour == ""
    assert judgement.confidence < CONFIDENCE_THRESHOLD
    assert judgement.best in ("red", "blue")


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 90, 3), (300, 2, 3), (8, 8, 3)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_any_picture_gets_an_answer(shape, value):
    judgement = judge_colour(np.full(shape, value, "uint8"))
    assert 0 <= judgement.confidence <= 1
    assert judgement.colour in ("", judgement.best)


def test_same_picture_same_judgement_and_it_can_be_pickled():
    picture = np.asarray(Image.effect_noise((50, 70), 90).convert("RGB"))
    judgement = judge_colour(picture)
    assert pickle.loads(pickle.dumps(judge_colour(picture.copy()))) == judgement


def test_other_arrays_are_refused():
    with pytest.raises(ValueError, match=r"\[h, w, 3 or 4\].*shape=\(4, 4, 1\), dtype=uint8"):
        judge_colour(np.zeros((4, 4, 1), "uint8"))
    with pytest.raises(ValueError, match="dtype=float32"):
        judge_colour(np.zeros((4, 4, 3), "float32"))
    with pytest.raises(ValueError, match=r"shape=\(0, 4, 3\)"):
        judge_colour(np.zeros((0, 4, 3), "uint8"))


def test_a_given_mask_decides():
    """The rule would take the large dark blue square in the middle for the product."""
    photo = np.full((64, 64, 4), (20, 30, 120, 0), "uint8")
    photo[:12, :12] = (200, 30, 40, 255)
    assert judge_colour(photo).colour == "red"
