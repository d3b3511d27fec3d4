"""Dependence between latents and attribute values, by hand and as properties."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.conditional_vae.losses import SCALES, dependence


def test_by_hand():
    # Two pairs four apart in one dimension, each of one value: within a pair nothing is between them.
    latents = np.array([[0.0], [0.0], [4.0], [4.0]])
    far = np.mean([2 * scale / (2 * scale + 16) for scale in SCALES])
    expected = 1.0 - (4 * 1.0 + 8 * far) / 12
    assert float(dependence(latents, [0, 0, 1, 1])) == pytest.approx(expected, abs=1e-6)


def test_unknown_values_are_left_out():
    random = np.random.default_rng(0)
    latents, ids = random.normal(size=(12, 3)), np.arange(12) % 2
    unknown = np.concatenate([ids, [-1, -1]])
    more = np.concatenate([latents, 100 * np.ones([2, 3])])
    assert float(dependence(more, unknown)) == pytest.approx(float(dependence(latents, ids)), abs=1e-6)


@pytest.mark.parametrize("ids", [[0, 1, 2], [-1, -1, -1]])
def test_nothing_is_told_where_no_two_have_the_same_value(ids):
    latents = tf.random.stateless_normal([3, 2], (0, 0))
    with tf.GradientTape() as tape:
        tape.watch(latents)
        value = dependence(latents, ids)
    assert float(value) == 0.0
    assert np.isfinite(tape.gradient(value, latents)).all()


def test_independent_latents_give_zero_on_average_and_shifted_ones_more():
    random = np.random.default_rng(0)
    ids = np.arange(64) % 4
    independent = [float(dependence(random.normal(size=(64, 8)), ids)) for _ in range(50)]
    assert np.mean(independent) == pytest.approx(0.0, abs=2e-3)
    shifted = [
        float(dependence(random.normal(size=(64, 8)) + shift * ids[:, None], ids)) for shift in (0.2, 1.0)
    ]
    assert np.mean(independent) < 0.5 * shifted[0] < shifted[0] < shifted[1] <= 1.0


def test_steps_against_it_make_latents_independent():
    latents = tf.Variable(tf.random.stateless_normal([16, 2], (0, 0)) + 3.0 * (np.arange(16) % 2)[:, None])
    before = float(dependence(latents, np.arange(16) % 2))
    for _ in range(200):
        with tf.GradientTape() as tape:
            value = dependence(latents, np.arange(16) % 2)
        latents.assign_sub(5.0 * tape.gradient(value, latents))
    assert float(value) < 0.2 * before
