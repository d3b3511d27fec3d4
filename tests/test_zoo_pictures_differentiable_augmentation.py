"""Differentiable augmentation: amounts by hand, and gradients that pass through."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import UnknownNameError
from zoo.pictures.differentiable_augmentation import POLICIES, differentiable_augment


def always(value):
    """Draws the same number everywhere."""
    return lambda shape: tf.fill(shape, value)


def change(images, policy, value):
    return differentiable_augment(tf.constant(images, "float32"), [policy], always(value)).numpy()


def test_colour_in_the_middle_of_its_range_changes_nothing():
    images = np.random.default_rng(0).uniform(-1, 1, (2, 4, 4, 3))
    np.testing.assert_allclose(change(images, "colour", 0.5), images, atol=1e-6)


def test_colour_at_the_end_of_its_range():
    # Red of 1 beside black: 0.5 darker, no saturation (grey of a third), half the contrast.
    images = np.zeros((1, 1, 2, 3))
    images[0, 0, 0, 0] = 1.0
    grey = np.array([1 / 3 - 0.5, -0.5])
    expected = grey.mean() + (grey - grey.mean()) / 2
    np.testing.assert_allclose(change(images, "colour", 0.0)[0, 0], expected[:, None].repeat(3, 1), atol=1e-6)


@pytest.mark.parametrize(("value", "shift"), [(0.0, -1), (0.5, 0), (0.99, 1)])
def test_translation_moves_by_an_eighth_and_fills_with_zero(value, shift):
    images = np.arange(1.0, 65.0).reshape(1, 8, 8, 1)
    expected = np.zeros_like(images)
    target, source = slice(max(-shift, 0), 8 - max(shift, 0)), slice(max(shift, 0), 8 - max(-shift, 0))
    expected[:, target, target] = images[:, source, source]
    np.testing.assert_array_equal(change(images, "translation", value), expected)


def test_cutout_is_a_square_of_half_the_side():
    changed = change(np.ones((1, 8, 8, 1)), "cutout", 0.5)[0, ..., 0]
    assert np.argwhere(changed == 0).min(axis=0).tolist() == [2, 2]
    assert (changed == 0).sum() == 16
    # At a corner a quarter of it lies in the picture.
    assert (change(np.ones((1, 8, 8, 1)), "cutout", 0.0) == 0).sum() == 4


def test_each_picture_is_changed_by_itself():
    images = tf.random.stateless_uniform([1, 16, 16, 3], [1, 2])
    changed = differentiable_augment(tf.repeat(images, 8, axis=0), list(POLICIES), tf.random.uniform).numpy()
    assert len(np.unique(changed.reshape(8, -1), axis=0)) == 8


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_gradients_pass(dtype):
    images = tf.random.stateless_uniform([2, 16, 16, 3], [1, 2], dtype="float32")
    images = tf.cast(images, dtype)
    with tf.GradientTape() as tape:
        tape.watch(images)
        changed = differentiable_augment(images, list(POLICIES), tf.random.uniform)
        total = tf.reduce_sum(tf.square(changed))
    assert changed.dtype == dtype
    assert changed.shape == images.shape
    assert float(tf.reduce_max(tf.abs(tape.gradient(total, images)))) > 0


def test_unknown_policy():
    with pytest.raises(UnknownNameError, match="color.*colour, translation, cutout"):
        differentiable_augment(tf.zeros([1, 8, 8, 1]), ["color"], tf.random.uniform)
