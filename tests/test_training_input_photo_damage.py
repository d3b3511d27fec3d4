"""Damaging photos: what changes, what does not, and that the seed alone decides."""

import numpy as np
import pytest
import tensorflow as tf

from training.input.photo_damage import MARGIN_PIXELS, damage_photo
from zoo.pictures.psnr import psnr

pytestmark = pytest.mark.slow

SIDE = 32
NUM = 60


@pytest.fixture(scope="module")
def photo():
    rows, columns = np.mgrid[0 : SIDE + 2 * MARGIN_PIXELS, 0 : SIDE + 2 * MARGIN_PIXELS]
    stripes = 127 + 60 * np.sin(rows / 3.0) + 50 * np.sin((rows + columns) / 5.0)
    return np.stack([stripes, np.roll(stripes, 9, 1), 255 - stripes], -1).astype("uint8")


@pytest.fixture(scope="module")
def damaged(photo):
    damage = tf.function(lambda seed: damage_photo(photo, SIDE, seed))
    return [tuple(part.numpy() for part in damage([3, number])) for number in range(NUM)]


def test_shapes_and_range(damaged):
    for raw_image, target, damage in damaged:
        assert raw_image.shape == target.shape == (SIDE, SIDE, 3)
        assert damage.shape == (2,)
        assert (damage >= 0.0).all()
        assert (damage <= 1.0).all()


def test_some_stay_as_they_are_and_say_so(damaged):
    untouched = [damage for raw_image, target, damage in damaged if np.array_equal(raw_image, target)]
    assert 1 <= len(untouched) <= NUM / 4
    np.testing.assert_array_equal(untouched, 0.0)


def test_some_have_noise(damaged):
    noisy = [damage for _, _, damage in damaged if damage[1] > 0.0]
    assert NUM / 10 <= len(noisy) <= NUM / 2
    assert all(by_jpeg > 0.0 for by_jpeg, _ in noisy)


def test_more_damage_is_farther_from_the_target(damaged):
    scores = [float(psnr(raw_image[None], target[None])[0]) for raw_image, target, _ in damaged]
    amounts = [damage.max() for _, _, damage in damaged]
    assert np.corrcoef(scores, amounts)[0, 1] < -0.7


def test_damaged_and_undamaged_show_the_same_place(damaged):
    """However the grids are shifted and the photo is scaled: any other place would fit worse."""
    for raw_image, target, damage in damaged:
        if damage.max() > 0.8:  # blocks may look alike everywhere
            continue
        inside = raw_image[4:-4, 4:-4].astype("float32")
        errors = {
            (row, column): np.abs(
                inside - target[4 + row : SIDE - 4 + row, 4 + column : SIDE - 4 + column]
            ).mean()
            for row in (-2, 0, 2)
            for column in (-2, 0, 2)
        }
        assert min(errors, key=errors.get) == (0, 0)


def test_the_seed_alone_decides(photo):
    first, again, other = (damage_photo(photo, SIDE, seed)[0].numpy() for seed in ([1, 2], [1, 2], [1, 3]))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
