"""The guided filter: values that follow a picture's edges."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.conditional_vae.guided_filter import GuidedFilter


def make_gradients(image_size, channels):
    """Returns a picture whose colours change slowly, each another way."""
    rows, columns = np.meshgrid(*[np.linspace(0, 1, image_size)] * 2, indexing="ij")
    colours = [rows, columns, np.abs(rows - columns)][:channels]
    return tf.constant(np.stack(colours, axis=-1)[None], "float32")


@pytest.mark.parametrize(("image_size", "channels"), [(64, 3), (28, 1), (8, 3)])
def test_linear_functions_of_the_colours_pass(image_size, channels):
    guide = make_gradients(image_size, channels)
    matrix = tf.constant(np.random.default_rng(0).normal(size=(channels, 3)), "float32")
    values = tf.einsum("nhwc,ck->nhwk", guide, matrix) + 0.5
    filtered = GuidedFilter(image_size)([guide, values])
    assert filtered.shape == values.shape
    span = np.ptp(values)
    # At low resolution, and less what counts as no difference.
    assert np.abs(filtered - values).mean() < 0.05 * span


def test_a_spot_spreads_over_its_colour_and_stops_at_the_edge():
    # A product of one colour on a ground of another, and a change that is wanted in its middle only.
    is_product = np.zeros([1, 64, 64, 1], "float32")
    is_product[:, 16:48, 20:44] = 1
    guide = is_product * np.array([0.2, 0.3, 0.7]) + (1 - is_product) * np.array([0.8, 0.8, 0.7])
    spot = np.zeros([1, 64, 64, 3], "float32")
    spot[:, 24:40, 26:38, 0] = 1
    filtered = GuidedFilter(64)([guide.astype("float32"), spot]).numpy()
    product, ground = (filtered[..., 0][mask[..., 0]] for mask in (is_product == 1, is_product == 0))
    assert product.min() > 0.1
    assert np.abs(ground).mean() < 0.1 * product.mean()
    np.testing.assert_allclose(filtered[..., 1:], 0, atol=1e-6)
    # As much is done in all.
    np.testing.assert_allclose(filtered.mean(), spot.mean(), rtol=0.1)


def test_pictures_do_not_touch_each_other():
    random = np.random.default_rng(0)
    guide, values = random.uniform(size=(2, 3, 20, 20, 3)).astype("float32")
    layer = GuidedFilter(20)
    together = layer([guide, values])
    for index in range(3):
        alone = layer([guide[index : index + 1], values[index : index + 1]])
        np.testing.assert_allclose(together[index], alone[0], atol=1e-5)
