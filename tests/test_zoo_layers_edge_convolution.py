"""A convolution of branches: one kernel with the same result, in every precision."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers.edge_convolution import EdgeConv2D, merge_weights

RANDOM = np.random.default_rng(0)


def random_features(*shape):
    return RANDOM.normal(size=shape).astype("float32")


def make_layer(depth=5, filters=6, **kwargs):
    layer = EdgeConv2D(filters, **kwargs)
    layer.build((None, None, None, depth))
    for weight in layer.weights:
        weight.assign(RANDOM.normal(scale=0.3, size=weight.shape))
    return layer


@pytest.mark.parametrize(("depth", "filters"), [(1, 4), (5, 5), (6, 2)])
def test_one_kernel_gives_what_the_branches_give(depth, filters):
    layer, features = make_layer(depth, filters), random_features(2, 7, 9, depth)
    branches = layer.unmerged(features).numpy()
    np.testing.assert_allclose(layer(features), branches, atol=1e-5 * np.abs(branches).max())


def test_the_edge_branches_are_derivatives():
    """A ramp along the rows has the derivative 8 per step by Sobel's filter, and no Laplacian."""
    layer = make_layer(1, 1)
    for weight in layer.weights:
        weight.assign(np.zeros(weight.shape))
    layer.edges.assign(np.ones([3, 1, 1]))
    ramp = np.broadcast_to(np.arange(8.0, dtype="float32")[:, None], (8, 8))[None, ..., None]
    for number, expected in enumerate([0.0, -8.0, 0.0]):
        scale = np.zeros([3, 1])
        scale[number] = 1.0
        layer.edge_scale.assign(scale)
        inside = layer(ramp)[0, 2:-2, 2:-2]
        np.testing.assert_allclose(inside, np.full(inside.shape, expected), atol=1e-5)


def test_merged_networks_give_the_same_with_two_weights_a_layer():
    def build(is_merged):
        images = keras.Input((None, None, 3))
        x = EdgeConv2D(4, is_merged, name="first")(images)
        return keras.Model(images, EdgeConv2D(4, is_merged, name="second")(x))

    network, merged = build(False), build(True)
    merge_weights(network, merged)
    features = random_features(1, 6, 6, 3)
    np.testing.assert_allclose(merged(features), network(features), atol=1e-5)
    assert [len(layer.weights) for layer in merged.layers if layer.weights] == [2, 2]


def test_a_layer_that_starts_at_zero_learns_with_every_branch():
    layer = EdgeConv2D(3, starts_at_zero=True)
    features = random_features(1, 6, 6, 3)
    np.testing.assert_array_equal(layer(features), np.zeros([1, 6, 6, 3]))
    optimizer = keras.optimizers.SGD(0.1)
    for _ in range(2):  # at first, the scales hide what is behind them
        before = [weight.numpy() for weight in layer.weights]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(layer(features) - 1.0))
        weights = layer.trainable_variables
        optimizer.apply(tape.gradient(loss, weights), weights)
    assert all((weight.numpy() != old).any() for weight, old in zip(layer.weights, before, strict=True))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_branches_are_summed_before_they_are_rounded(policy):
    layer = make_layer(dtype=policy)
    features = random_features(1, 6, 6, 5)
    rounded = layer(features)
    assert rounded.dtype == policy.removeprefix("mixed_")
    assert layer.merged_kernel().dtype == "float32"
    exact = make_layer()
    exact.set_weights(layer.get_weights())
    largest = np.abs(exact(features)).max()
    np.testing.assert_allclose(tf.cast(rounded, "float32"), exact(features), atol=0.02 * largest)


def test_the_configuration_survives():
    layer = EdgeConv2D(4, is_merged=True, starts_at_zero=True, name="one")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.get_config() == layer.get_config()
