"""Recolour: the dye becomes the target, folds stay, and so does everything that is no dye."""

import checks
import numpy as np
import pytest
import tensorflow as tf
from dark_products import dark_square, inside_of, make_dark

from training.evaluation.measures.colour_difference import ciede2000, to_lab
from zoo.colour.basic_colours import COLOURS
from zoo.cutout.cutout import ProductMask
from zoo.recolour.recolour import Recolour, recolour_masked

SMALL = {"image_size": 32, "width": 4}


def recolour(photo, target, source=None, strength=1.0, model=None):
    model = model or make_dark(Recolour, **SMALL)
    return model.recolour(
        tf.constant(photo),
        tf.constant(target, "uint8"),
        tf.constant(source or (0, 0, 0), "uint8"),
        tf.constant(source is not None),
        tf.constant(strength),
    )


def by_mask(photo, mask, target, source=None):
    return recolour_masked(
        tf.constant(photo),
        ProductMask.given(tf.constant(mask[..., None].astype("float32"))),
        tf.constant(target, "uint8"),
        tf.constant(source or (0, 0, 0), "uint8"),
        tf.constant(source is not None),
        tf.constant(1.0),
    )


def test_configuration_survives():
    checks.check_config_round_trip(Recolour(**SMALL))


@pytest.mark.parametrize("name", COLOURS)
def test_cloth_has_the_colour_that_is_asked_for_and_keeps_its_folds(name):
    photo = dark_square(120, 120)
    result = recolour(photo, COLOURS[name]).raw_image.numpy()
    inside = inside_of(photo)
    difference = np.median(ciede2000(to_lab(result[inside]), to_lab(np.array(COLOURS[name], "uint8"))))
    assert difference < (4.0 if name in ("white", "black") else 2.0)
    before, after = (np.diff(to_lab(image[inside])[..., 0], axis=1).ravel() for image in (photo, result))
    assert np.corrcoef(before, after)[0, 1] > (0.95 if name == "black" else 0.97)
    assert after.std() > 0.25 * before.std()


def test_the_ground_keeps_its_bytes():
    photo = dark_square(120, 120)
    result = recolour(photo, COLOURS["red"]).raw_image.numpy()
    np.testing.assert_array_equal(result[:25], photo[:25])
    np.testing.assert_array_equal(result[:, -25:], photo[:, -25:])


def test_strength_is_a_share_of_the_change():
    photo = dark_square(120, 120)
    whole, half = (recolour(photo, COLOURS["red"], strength=share).raw_image.numpy() for share in (1.0, 0.5))
    np.testing.assert_array_equal(recolour(photo, COLOURS["red"], strength=0.0).raw_image, photo)
    middle = (photo.astype(int) + whole) / 2
    assert np.abs(half - middle).max() <= 1


@pytest.fixture
def striped():
    """A product, its whole photo, of three parts red and one part cream, with a small green print."""
    photo = np.empty([120, 120, 3], "uint8")
    photo[:] = (180, 30, 40)
    photo[:, 90:] = (235, 225, 200)
    photo[50:60, 20:40] = (20, 120, 60)
    mask = np.zeros([120, 120])
    mask[5:-5, 5:-5] = 1.0
    return photo, mask


def test_prints_and_stripes_of_other_colours_stay(striped):
    photo, mask = striped
    result = by_mask(photo, mask, COLOURS["blue"]).raw_image.numpy()
    for part in ((slice(20, 100), slice(97, 113)), (slice(53, 57), slice(24, 36))):
        assert ciede2000(to_lab(result[part]), to_lab(photo[part])).mean() < 3.0
    part = (slice(70, 110), slice(10, 80))
    assert np.median(ciede2000(to_lab(result[part]), to_lab(np.array(COLOURS["blue"], "uint8")))) < 2.0


def test_another_colour_of_the_product_can_be_named(striped):
    photo, mask = striped
    result = by_mask(photo, mask, COLOURS["blue"], source=(240, 230, 210)).raw_image.numpy()
    red, cream = (slice(70, 110), slice(10, 80)), (slice(20, 100), slice(97, 113))
    assert ciede2000(to_lab(result[red]), to_lab(photo[red])).mean() < 3.0
    assert np.median(ciede2000(to_lab(result[cream]), to_lab(np.array(COLOURS["blue"], "uint8")))) < 2.5


def test_what_is_hard_to_tell_apart_is_less_sure():
    sure = recolour(dark_square(120, 120), COLOURS["red"]).confidence
    # The ground is as dark a blue as the cloth, and only the mask knows better.
    photo = dark_square(120, 120, ground=(25, 65, 115))
    mask = np.zeros([120, 120])
    mask[30:90, 30:90] = 1.0
    unsure = by_mask(photo, mask, COLOURS["red"]).confidence
    assert float(sure) > 0.9 > 0.6 > float(unsure)


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (10, 10), (40, 3)])
def test_flat_and_tiny_photos_come_back(value, shape):
    photo = np.full([*shape, 3], value, "uint8")
    for mask in (np.zeros(shape), np.ones(shape)):
        result = by_mask(photo, mask, COLOURS["red"])
        assert result.raw_image.shape == photo.shape
        assert np.isfinite(float(result.confidence))
    np.testing.assert_array_equal(by_mask(photo, np.zeros(shape), COLOURS["red"]).raw_image, photo)
