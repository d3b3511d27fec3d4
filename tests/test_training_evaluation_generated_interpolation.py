"""Spherical interpolation, by hand and as properties."""

import numpy as np
import pytest

from training.evaluation.generated.interpolation import interpolate_on_sphere


def test_a_way_keeps_the_length_and_turns_evenly():
    random = np.random.default_rng(0)
    start = random.normal(size=(4, 16))
    end = random.normal(size=(4, 16))
    end *= np.linalg.norm(start, axis=1, keepdims=True) / np.linalg.norm(end, axis=1, keepdims=True)
    ways = interpolate_on_sphere(start, end, 6).numpy()
    assert ways.dtype == np.float32
    np.testing.assert_allclose(ways[:, 0], start, atol=1e-5)
    np.testing.assert_allclose(ways[:, -1], end, atol=1e-5)
    lengths = np.linalg.norm(ways, axis=-1)
    np.testing.assert_allclose(lengths, np.repeat(lengths[:, :1], 6, axis=1), rtol=1e-4)
    cosines = (ways[:, 1:] * ways[:, :-1]).sum(-1) / (lengths[:, 1:] * lengths[:, :-1])
    np.testing.assert_allclose(cosines, np.repeat(cosines[:, :1], 5, axis=1), atol=1e-5)


@pytest.mark.parametrize("latents", [np.zeros((1, 3)), np.ones((1, 3))])
def test_a_way_to_the_same_place_stays_there(latents):
    np.testing.assert_allclose(interpolate_on_sphere(latents, latents, 4)[0], np.repeat(latents, 4, axis=0))
