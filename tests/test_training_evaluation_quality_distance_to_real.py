"""The distance between generated pictures and real photos, on features computed by hand."""

import numpy as np
import pytest
import tensorflow as tf

from training.evaluation.feature_extractor import FeatureExtractor
from training.evaluation.measures.kernel_distance import squared_mmd
from training.evaluation.quality.distance_to_real import DistanceToReal
from training.input.labelled_pictures import LabelledPictures
from zoo.dcgan.dcgan import DCGAN

NUM_REAL = 6
ATTRIBUTES = {"category": ("a", "b", "c")}
# The feature of a picture is its mean grey over 255.
GREY = FeatureExtractor("grey", lambda images: tf.reduce_mean(tf.cast(images, "float32"), (1, 2)) / 255.0)


class Drawing:
    """A generator that draws the picture of a value: all pixels have the grey `greys[value]`, in [-1, 1]."""

    attributes = ATTRIBUTES
    latent_dim = 2
    pixel_range = DCGAN.pixel_range

    def __init__(self, greys):
        self.greys = tf.constant(greys)
        self.latents = []

    def decode(self, latents, attribute_ids):
        self.latents.append(np.array(latents))
        greys = tf.gather(self.greys, attribute_ids["category"])
        return tf.ones([len(latents), 4, 4, 1]) * greys[:, None, None, None]


def real_pictures(greys) -> LabelledPictures:
    """Picture i shows value i % 3, in the grey of that value."""
    ids = np.arange(NUM_REAL, dtype="int32") % 3
    images = np.ones([NUM_REAL, 4, 4, 1]) * np.array(greys)[ids][:, None, None, None]
    return LabelledPictures(images.astype("uint8"), {"category": ids})


def measure(model, real, distance=squared_mmd, seed=0):
    return DistanceToReal(GREY, real, distance, seed).measure(model)


def test_a_generator_that_draws_what_is_real_is_at_no_distance():
    assert measure(Drawing([-1.0, -1.0, -1.0]), real_pictures([0, 0, 0])) == pytest.approx(0.0, abs=1e-6)


def test_the_same_varied_pictures_are_a_little_below_zero():
    """Features 0, 0, 1 twice each: the estimate leaves out how like a picture is to itself.

    Kernel (x y + 1)^3: 1 with a 0, 8 between ones. Of 30 pairs in a set 2 are of ones: (28 + 16) / 30; of 36
    between the sets 4: (32 + 32) / 36. Twice the difference: -0.6222.
    """
    distance = measure(Drawing([-1.0, -1.0, 1.0]), real_pictures([0, 0, 255]))
    assert distance == pytest.approx(2 * (44 / 30 - 64 / 36), abs=1e-6)


def test_white_pictures_instead_of_black_ones_are_far():
    # Kernel 8 between white ones, 1 with black ones: 8 + 1 - 2.
    assert measure(Drawing([1.0, 1.0, 1.0]), real_pictures([0, 0, 0])) == pytest.approx(7.0, abs=1e-5)


def test_pictures_are_made_of_the_attributes_of_the_real_ones():
    drawn, swapped = Drawing([-1.0, 0.0, 1.0]), Drawing([1.0, 0.0, -1.0])
    real = real_pictures([0, 128, 255])
    pairs = lambda generated, real: float(np.abs(generated - real).max())  # noqa: E731
    assert measure(drawn, real, pairs) < 0.01
    assert measure(swapped, real, pairs) == pytest.approx(1.0)


def test_latents_depend_on_the_seed_alone():
    real, model = real_pictures([0, 0, 0]), Drawing([0.0, 0.0, 0.0])
    distance = DistanceToReal(GREY, real, squared_mmd, seed=1)
    assert distance.measure(model) == distance.measure(model)
    measure(model, real, seed=2)
    first, second, other = model.latents
    assert first.shape == (NUM_REAL, 2)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_pictures_come_from_the_averaged_generator_in_every_precision(precision):
    model = DCGAN(ATTRIBUTES, image_size=8, latent_dim=2, width=2, dtype=precision)
    distance = DistanceToReal(GREY, real_pictures([0, 128, 255]), squared_mmd, seed=0)
    before = distance.measure(model)
    for variable in model.generator.weights:
        variable.assign(tf.zeros_like(variable))
    assert distance.measure(model) == before
    for variable in model.ema_generator.weights:
        variable.assign(tf.zeros_like(variable))
    # Without weights all pictures are grey, 0.5 of [0, 1].
    assert distance.measure(model) != before
