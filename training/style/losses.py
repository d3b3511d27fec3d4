"""The losses of style transfer: likeness of content and of style in a loss network's features.

Sources:
    [Gatys] Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural Networks": styles as products
    of features, wherever they are.
    [Johnson] Johnson et al. 2016, arXiv 1603.08155: these losses to train a network.
    [Demystified] Li et al. 2017, arXiv 1701.01036: what such losses compare are distributions of features.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from training.loss_network.squeezenet import load_squeezenet

STYLE_LAYERS = ("conv1", "fire2", "fire3", "fire5", "fire7")
CONTENT_LAYER = "fire5"


class StyleLosses:
    """Compares pictures with photos in content, and with style pictures in style.

    Departs from [Gatys]: means and covariances in place of Gram matrices, in which the means outweigh
    everything that repeats; each relative to the style picture's own, so that all layers count alike; and the
    pixels themselves are a layer, without which colours hardly change.

    Args:
        weights: The loss network's weights file.
        style_pictures: uint8 pictures `[h, w, 3]`, one per style.

    Raises:
        WrongUsageError: The weights file is none of the loss network's.
    """

    def __init__(self, weights: Path, style_pictures: Sequence[np.ndarray]):
        self._network = load_squeezenet(weights, STYLE_LAYERS)
        statistics = [
            [_statistics(layer) for layer in self._find_layers(picture[np.newaxis].astype("float32"))]
            for picture in style_pictures
        ]
        # For each layer the means `[K, C]` and covariances `[K, C, C]` of K styles.
        self._wanted = [
            tuple(tf.concat(values, axis=0) for values in zip(*of_layer, strict=True))
            for of_layer in zip(*statistics, strict=True)
        ]

    def __call__(self, photos, pictures, style_ids) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the losses of content and of style, float32 `[N]`; about 1 where nothing is alike.

        Args:
            photos: float32 tensor `[N, h, w, 3]` on the scale [0, 255], h and w at least 64.
            pictures: float32 tensor of the same shape: the photos in their styles.
            style_ids: int32 tensor `[N]`: each picture's style.
        """
        content_layer = STYLE_LAYERS.index(CONTENT_LAYER)
        layers = self._find_layers(pictures)
        content = _content_error(layers[content_layer], self._find_layers(photos)[content_layer])
        errors = []
        for layer, wanted in zip(layers, self._wanted, strict=True):
            errors.append(
                _style_error(_statistics(layer), [tf.gather(values, style_ids) for values in wanted])
            )
        return content, tf.add_n(errors) / len(errors)

    def _find_layers(self, pictures) -> list[tf.Tensor]:
        return [*self._network(pictures), tf.convert_to_tensor(pictures) / 127.5 - 1.0]


def _statistics(layer) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the means and the covariances of the channels of features `[N, h, w, C]`."""
    shape = tf.shape(layer)
    rows = tf.reshape(layer, [shape[0], shape[1] * shape[2], layer.shape[-1]])
    means = tf.reduce_mean(rows, axis=1)
    rows -= means[:, tf.newaxis]
    return means, tf.matmul(rows, rows, transpose_a=True) / tf.cast(shape[1] * shape[2], "float32")


def _content_error(layer, wanted) -> tf.Tensor:
    _, variance = tf.nn.moments(wanted, [1, 2])
    return tf.reduce_mean(tf.square(layer - wanted), [1, 2, 3]) / (tf.reduce_mean(variance, 1) + 1e-8)


def _style_error(statistics, wanted) -> tf.Tensor:
    (means, covariances), (wanted_means, wanted_covariances) = statistics, wanted
    of_means = tf.reduce_sum(tf.square(means - wanted_means), 1) / tf.linalg.trace(wanted_covariances)
    of_covariances = tf.reduce_sum(tf.square(covariances - wanted_covariances), [1, 2])
    return of_means + of_covariances / tf.reduce_sum(tf.square(wanted_covariances), [1, 2])
