"""A weights file of the loss network's shapes with random numbers, for tests of what learns from it."""

import h5py
import numpy as np

from training.loss_network.squeezenet import build_squeezenet


def write_loss_network(path, layers=("fire9",)):
    """Writes such a file, laid out as the real one is; returns its path."""
    generator = np.random.default_rng(0)
    network = build_squeezenet(layers)
    with h5py.File(path, "w") as file:
        for layer in network.layers:
            for number, weight in enumerate(layer.weights):
                name = f"{layer.name.replace('-', '/')}/weight_{number}"
                fan_in = np.prod(weight.shape[:-1])
                file[name] = generator.normal(0, np.sqrt(2 / fan_in), weight.shape).astype("float32")
    return path
