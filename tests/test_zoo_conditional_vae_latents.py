"""Ways through latents, by hand and as properties."""

import numpy as np
import pytest

from zoo.conditional_vae.latents import interpolate_on_sphere, mean_difference


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


def test_a_direction_leads_from_one_mean_to_the_other():
    latents = np.array([[0.0, 2.0], [2.0, 2.0], [5.0, 0.0]])
    np.testing.assert_allclose(mean_difference(latents, [False, False, True]), [4.0, -2.0])
    np.testing.assert_allclose(mean_difference(latents, [True, True, False]), [-4.0, 2.0])


@pytest.mark.parametrize("has_property", [[True, True], [False, False]])
def test_a_direction_needs_both_kinds(has_property):
    with pytest.raises(ValueError, match="leads from one mean to the other. Received: [02] of 2"):
        mean_difference(np.zeros((2, 3)), has_property)
