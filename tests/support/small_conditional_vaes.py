"""Conditional VAEs that train in seconds."""

import functools

import checks
import keras
import numpy as np
from attribute_batches import ATTRIBUTES

from zoo.conditional_vae.conditional_vae import ConditionalVAE

GROUNDS = {"ground": ("dark", "bright")}


def build(dtype="float32", optimizer=None, **kwargs):
    keras.utils.set_random_seed(0)
    model = ConditionalVAE(
        **{"attributes": ATTRIBUTES, "latent_dim": 4, "width": 2, "dtype": dtype, **kwargs}
    )
    model.compile(optimizer=optimizer or keras.optimizers.Adam(1e-3), jit_compile=False)
    return model


def make_dark_and_bright():
    """Returns eight images and their attributes: a dark or bright ground, a bar at one of four heights."""
    grounds = np.arange(8) % 2
    raw_images = np.where(grounds[:, None, None, None], 200, 50) * np.ones([8, 28, 28, 1])
    for row in range(8):
        raw_images[row, 6 * (row // 2) + 2 : 6 * (row // 2) + 6] = 125
    return raw_images.astype("uint8"), {"ground": grounds}


@functools.cache
def train_on_dark_and_bright():
    """Returns a model that has memorised those images."""
    model = build(attributes=GROUNDS, width=4, optimizer=keras.optimizers.Adam(1e-2))
    checks.fit(model, make_dark_and_bright(), num_steps=300)
    return model
