"""KL divergence of Gaussians, computed by hand."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.conditional_vae.losses import gaussian_kl


# 0.5 (mean^2 + variance - 1 - log variance)
@pytest.mark.parametrize(
    ("mean", "log_variance", "divergence"),
    [(0.0, 0.0, 0.0), (1.0, 0.0, 0.5), (-2.0, 0.0, 2.0), (0.0, np.log(4.0), 0.5 * (3 - np.log(4.0)))],
)
def test_kl_of_a_gaussian(mean, log_variance, divergence):
    assert float(gaussian_kl(tf.constant(mean), tf.constant(log_variance, "float32"))) == pytest.approx(
        divergence
    )
