"""Cut-outs on grounds: bytes that stay, margins, shadows, and sizes that are refused."""

import numpy as np
import pytest

from zoo.errors import WrongUsageError
from zoo.pictures import grounds


@pytest.fixture
def product():
    """A red product of 20 x 40 pixels with a soft edge, off the middle of 100 x 80 pixels."""
    cut_out = np.zeros([100, 80, 4], "uint8")
    cut_out[10:50, 5:25] = (200, 30, 40, 255)
    cut_out[50, 5:25] = (200, 30, 40, 100)
    return cut_out


def test_product_pixels_keep_their_bytes_on_every_ground(product):
    inside = (slice(10, 50), slice(5, 25))
    picture = np.random.default_rng(0).integers(0, 256, [50, 300, 3], dtype="uint8")
    for result in (
        grounds.lay_on_colour(product, (255, 255, 255)),
        grounds.lay_on_picture(product, picture),
        grounds.lay_on_colour(grounds.add_soft_shadow(product), (255, 255, 255)),
    ):
        assert result.shape == (100, 80, 3)
        assert (result[inside] == (200, 30, 40)).all()


def test_an_edge_is_a_mixture(product):
    result = grounds.lay_on_colour(product, (255, 255, 255))
    expected = 255 + 100 / 255 * (np.array([200, 30, 40]) - 255)
    np.testing.assert_allclose(result[50, 10], expected, atol=0.5)
    assert (result[60:] == 255).all()


@pytest.mark.parametrize(
    ("size", "fill"), [((200, 200), 0.85), ((300, 100), 0.5), (None, 0.9), ((64, 64), None)]
)
def test_the_product_is_centred_and_fills_its_share(product, size, fill):
    result = grounds.Placing(size, fill).apply(product)
    width, height = size or (80, 100)
    assert result.shape == (height, width, 4)
    left, top, right, bottom = grounds.outline_of(result)
    assert abs((left + right) / 2 - width / 2) <= 1
    assert abs((top + bottom) / 2 - height / 2) <= 1
    assert max((right - left) / width, (bottom - top) / height) == pytest.approx(fill or 0.85, abs=0.03)
    assert (bottom - top) / (right - left) == pytest.approx(2.0, rel=0.06)


def test_nothing_is_moved_unless_it_is_asked_for(product):
    assert grounds.Placing().apply(product) is product


def test_a_soft_shadow_lies_below_and_fades(product):
    darkness = 255 - grounds.lay_on_colour(grounds.add_soft_shadow(product), (255, 255, 255))[..., 0]
    assert darkness[52, 15] > 15
    assert darkness[51, 15] > darkness[53, 15]
    assert darkness[:3].max() == 0
    assert darkness[90:].max() == 0


def test_the_photos_own_shadow_is_kept_and_its_ground_is_not(product):
    photo = np.full([100, 80, 3], (150, 190, 210), "uint8")
    photo[10:50, 5:25] = (200, 30, 40)
    photo[10:55, 25:30] = (90, 114, 126)  # three fifths of the light
    result = grounds.lay_on_colour(grounds.keep_shadow(product, photo), (255, 255, 255))
    assert 120 < result[30, 27].mean() < 200
    assert np.ptp(result[30, 27].astype(int)) <= 1
    assert (result[80:] == 255).all()


@pytest.mark.parametrize("fill", [0.0, -1.0, 1.01, float("nan")])
def test_impossible_shares_are_refused(fill):
    with pytest.raises(WrongUsageError, match="`--fill` must be above 0 and at most 1"):
        grounds.Placing((10, 10), fill)


def test_huge_results_are_refused():
    with pytest.raises(WrongUsageError, match="at most 25 megapixels. Received: 9000x9000"):
        grounds.Placing((9000, 9000))


def test_an_empty_cut_out_stays_empty():
    assert grounds.Placing((50, 50), 0.85).apply(np.zeros([20, 30, 4], "uint8")).max() == 0
