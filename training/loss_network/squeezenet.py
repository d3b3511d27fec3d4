"""The network whose features say how alike two pictures are in content and in style: SqueezeNet v1.1.

It is needed for training alone. Its weights are neither part of the trained model nor of this package.

Sources:
    [SqueezeNet] Iandola et al. 2016, arXiv 1602.07360; version 1.1 as its authors published it, which has
    smaller first layers. It has no shortcuts, whose features blur styles.
"""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from zoo.errors import WrongUsageError

# Squeezed and expanded channels of each fire module, by its number.
_FIRES = {
    2: (16, 64),
    3: (16, 64),
    4: (32, 128),
    5: (32, 128),
    6: (48, 192),
    7: (48, 192),
    8: (64, 256),
    9: (64, 256),
}
# Modules that are followed by pooling.
_POOLED = (3, 5)
# Blue, green and red of the mean picture that the weights were trained with.
_MEAN_BGR = (103.939, 116.779, 123.68)


def load_squeezenet(weights: Path, layers: Sequence[str]) -> keras.Model:
    """Loads SqueezeNet v1.1 up to the last of the layers, frozen, in float32.

    Args:
        weights: The Keras weights file of the network without its top, as `keras-squeezenet` has it.
        layers: Names of the layers whose activations to return: `conv1`, `fire2` to `fire9`.

    Returns:
        A model from float32 pictures `[N, h, w, 3]` on the scale [0, 255], red first, h and w at least 32, to
        a list of float32 activations `[N, h', w', C]` in the order of `layers`.

    Raises:
        WrongUsageError: The file does not exist or holds something else.
    """
    network = build_squeezenet(layers)
    arrays = _read_arrays(weights)
    for layer in network.layers:
        if layer.weights:
            layer.set_weights(_find_weights(layer, arrays, weights))
    network.trainable = False
    return network


def build_squeezenet(layers: Sequence[str]) -> keras.Model:
    """Builds the network that `load_squeezenet` returns, with random weights."""
    images = keras.Input((None, None, 3), name="images")
    x = images[..., ::-1] - np.array(_MEAN_BGR, "float32")
    x = _convolve(x, 64, 3, "conv1", strides=2, padding="valid")
    found = {"conv1": x}
    x = keras.layers.MaxPooling2D(3, 2)(x)
    for number, (squeezed, expanded) in _FIRES.items():
        name = f"fire{number}"
        squeezed_x = _convolve(x, squeezed, 1, f"{name}-squeeze1x1")
        branches = [_convolve(squeezed_x, expanded, side, f"{name}-expand{side}x{side}") for side in (1, 3)]
        x = found[name] = keras.layers.Concatenate(name=name)(branches)
        if number in _POOLED:
            x = keras.layers.MaxPooling2D(3, 2)(x)
    unknown = [name for name in layers if name not in found]
    if unknown:
        raise ValueError(f"Layers must be among {', '.join(found)}. Received: {', '.join(unknown)}.")
    return keras.Model(images, [found[name] for name in layers], name="loss_network")


def _convolve(x, filters: int, side: int, name: str, strides: int = 1, padding: str = "same"):
    layer = keras.layers.Conv2D(
        filters, side, strides, padding, activation="relu", dtype="float32", name=name
    )
    return layer(x)


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    import h5py  # a dependency of keras

    arrays: dict[str, np.ndarray] = {}
    try:
        with h5py.File(path) as file:
            file.visititems(
                lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
    except OSError as error:
        raise WrongUsageError(
            "The loss network must be a readable Keras weights file of SqueezeNet v1.1 without its top. "
            f"Received: {path}, {error}. Download it from the repository keras-squeezenet."
        ) from error
    return arrays


def _find_weights(layer, arrays, path: Path) -> list[np.ndarray]:
    """Returns a layer's kernel and bias, which the file holds below the layer's name."""
    prefix = layer.name.replace("-", "/") + "/"
    shapes = [tuple(weight.shape) for weight in layer.weights]
    found = [array for name, array in arrays.items() if name.startswith(prefix)]
    values = [array for shape in shapes for array in found if array.shape == shape][: len(shapes)]
    if [value.shape for value in values] != shapes:
        raise WrongUsageError(
            f"The loss network must have weights of shapes {shapes} for {layer.name}. Received: {path}, "
            f"whose shapes there are {[array.shape for array in found]}. Use the weights of SqueezeNet v1.1."
        )
    return values
