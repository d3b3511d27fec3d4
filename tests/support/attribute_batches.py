"""Random images with two attributes, for tests of the models that have attributes."""

import numpy as np
import tensorflow as tf

ATTRIBUTES = {"category": ("bag", "shoe", "hat"), "colour": ("red", "blue")}


def make_batch(image_size=28, channels=1, num_images=8):
    """Returns uint8 noise `[N, S, S, C]` and the ids of both attributes, the same on every call."""
    random = np.random.default_rng(0)
    raw_images = random.integers(0, 256, (num_images, image_size, image_size, channels), dtype="uint8")
    attribute_ids = {"category": np.arange(num_images) % 3, "colour": np.arange(num_images) % 2}
    return tf.constant(raw_images), {name: tf.constant(ids) for name, ids in attribute_ids.items()}
