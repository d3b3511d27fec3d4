"""Moving averages of weights."""

import keras
import numpy as np

from zoo.step.moving_average import follow


def test_an_average_keeps_its_share():
    networks = [keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]) for _ in range(2)]
    average, network = networks
    average.set_weights([np.zeros((2, 1)), np.zeros(1)])
    network.set_weights([np.ones((2, 1)), np.full(1, 4.0)])
    follow(average, network, momentum=0.75)
    follow(average, network, momentum=0.5)
    # Half of a quarter, and half of the whole.
    np.testing.assert_allclose(average.get_weights()[0], np.full((2, 1), 0.625))
    np.testing.assert_allclose(average.get_weights()[1], [2.5])
