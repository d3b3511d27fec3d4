"""Augmentations: the effect of each, per picture, determined by the seed alone."""

import re

import numpy as np
import pytest
import tensorflow as tf

from training.input.augmentation import AUGMENTATIONS, NAMES, Augmentation
from training.input.degradation import DEGRADATIONS, Degradation
from zoo.errors import UnknownNameError

SEED = [3, 11]
GEOMETRY = ("crop", "flip", "rotation", "zoom")


def smooth_picture(channels, side=32):
    """Shades of all colours and an edge, without a symmetry."""
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    x = np.where(x > 0.6, 1.0, x)
    planes = [40 + 150 * x, 60 + 120 * y, 200 - 100 * x * y]
    return np.stack(planes[:channels], axis=-1).astype("uint8")


def copies(channels=3, count=32):
    return np.stack([smooth_picture(channels)] * count)


def in_graph(change, raw_images, seed):
    """Runs it as `tf.data` does: without knowing the number of pictures."""
    batches = tf.data.Dataset.from_tensor_slices(raw_images).batch(len(raw_images))
    return next(iter(batches.map(lambda images: change(images, seed)))).numpy()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_pictures_stay_uint8_and_each_changes_by_an_amount_of_its_own(name, channels):
    raw_images = copies(channels)
    changed = in_graph(Augmentation([name]), raw_images, SEED)
    assert changed.dtype == np.uint8
    assert changed.shape == raw_images.shape
    kinds = len({image.tobytes() for image in changed})
    if channels == 1 and name in ("saturation", "hue"):
        np.testing.assert_array_equal(changed, raw_images)
    elif name == "flip":
        assert kinds == 2
    else:
        assert kinds > 8


@pytest.mark.parametrize("name", NAMES)
def test_amounts_depend_on_the_seed_alone(name):
    raw_images = copies()
    change = Augmentation([name])
    first = in_graph(change, raw_images, SEED)
    assert not np.array_equal(first, in_graph(change, raw_images, [3, 12]))
    assert not np.array_equal(first, in_graph(change, raw_images, [4, 11]))
    np.testing.assert_array_equal(first, in_graph(change, raw_images, SEED))
    np.testing.assert_array_equal(first, in_graph(Augmentation([name]), raw_images, SEED))


def test_a_flip_exchanges_left_and_right_of_about_half_of_the_pictures():
    raw_images = copies(count=64)
    changed = Augmentation(["flip"])(raw_images, SEED).numpy()
    is_flipped = (changed == raw_images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert ((changed == raw_images).all(axis=(1, 2, 3)) | is_flipped).all()
    assert 16 <= is_flipped.sum() <= 48


def test_a_crop_moves_whole_pixels_and_reflects_the_border():
    raw_image = np.random.default_rng(0).integers(0, 256, [16, 16, 1], "uint8")
    padded = np.pad(raw_image, ((2, 2), (2, 2), (0, 0)), "symmetric")
    windows = {padded[y : y + 16, x : x + 16].tobytes() for y in range(5) for x in range(5)}
    changed = Augmentation(["crop"])(np.stack([raw_image] * 64), SEED).numpy()
    found = {image.tobytes() for image in changed}
    assert found <= windows
    assert len(found) > 12


@pytest.mark.parametrize("name", GEOMETRY)
def test_geometry_brings_no_new_colour_into_a_plain_picture(name):
    plain = np.full([8, 32, 32, 3], [250, 240, 10], "uint8")
    np.testing.assert_array_equal(Augmentation([name])(plain, SEED), plain)


def test_blur_does_not_darken_the_border():
    white = np.full([16, 32, 32, 3], 255, "uint8")
    np.testing.assert_array_equal(Augmentation(["blur"])(white, SEED), white)


def test_contrast_goes_up_and_down():
    changed = Augmentation(["contrast"])(copies(count=64), SEED).numpy()
    ratios = changed[..., 0].std(axis=(1, 2)) / smooth_picture(3)[..., 0].std()
    assert 0.78 < ratios.min() < 0.9
    assert 1.1 < ratios.max() < 1.22


def test_brightness_goes_up_and_down_by_at_most_38():
    changed = Augmentation(["brightness"])(np.full([64, 4, 4, 1], 128, "uint8"), SEED).numpy()[:, 0, 0, 0]
    assert 128 - 39 < changed.min() < 110
    assert 146 < changed.max() < 128 + 39


def test_saturation_and_hue_keep_what_they_should():
    vivid = np.full([64, 4, 4, 3], [230, 20, 20], "uint8")
    saturated = Augmentation(["saturation"])(vivid, SEED).numpy()
    assert (saturated[..., 0] == 230).all()
    assert saturated[..., 1].min() == 0
    assert saturated[..., 1].max() > 60
    # 9 of 360 degrees are 0.15 of the sixth of the circle that lies between red and yellow.
    turned = Augmentation(["hue"])(vivid, SEED).numpy().astype("int32")
    assert (turned[..., 0] == 230).all()
    assert turned[..., 1:].max() <= 20 + 0.15 * 210 + 1
    assert turned[..., 1].max() > 30
    assert turned[..., 2].max() > 30


def test_colour_is_its_four_parts_and_the_order_of_names_does_not_count():
    raw_images = copies()
    parts = Augmentation(["hue", "saturation", "contrast", "brightness", "brightness"])
    expected = in_graph(parts, raw_images, SEED)
    np.testing.assert_array_equal(in_graph(Augmentation(["colour"]), raw_images, SEED), expected)


def test_without_names_pictures_come_back_as_they_are():
    raw_images = copies(count=2)
    np.testing.assert_array_equal(Augmentation([])(raw_images, SEED), raw_images)


def test_the_float16_policy_of_a_model_changes_nothing():
    import keras

    expected = Augmentation(NAMES)(copies(count=4), SEED).numpy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        np.testing.assert_array_equal(Augmentation(NAMES)(copies(count=4), SEED), expected)
    finally:
        keras.config.set_dtype_policy("float32")


def test_unknown_names_are_answered_with_those_that_exist():
    message = f"Unknown augmentation. Received: 'roll'. Known: {', '.join([*AUGMENTATIONS, 'colour'])}."
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        Augmentation(["flip", "roll"])
    message = "Unknown degradation. Received: 'noise'. Known: blur, jpeg."
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        Degradation(["noise"])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", DEGRADATIONS)
def test_degraded_pictures_are_worse_by_amounts_of_their_own(name, channels):
    raw_images = np.random.default_rng(0).integers(0, 256, [1, 16, 16, channels], "uint8").repeat(16, axis=0)
    worse = in_graph(Degradation([name]), raw_images, SEED)
    assert worse.dtype == np.uint8
    assert worse.shape == raw_images.shape
    assert len({image.tobytes() for image in worse}) > 4
    np.testing.assert_array_equal(worse, in_graph(Degradation([name]), raw_images, SEED))
    assert not np.array_equal(worse, in_graph(Degradation([name]), raw_images, [3, 12]))


def test_a_jpeg_keeps_what_is_plain():
    plain = np.full([4, 16, 16, 3], [200, 60, 90], "uint8")
    difference = Degradation(["jpeg"])(plain, SEED).numpy().astype("int32") - plain
    assert np.abs(difference).max() <= 4
