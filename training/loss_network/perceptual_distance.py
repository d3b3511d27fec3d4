"""How different pictures look: the distance of a loss network's features.

Source:
    [LPIPS] Zhang et al. 2018, arXiv 1801.03924: features of unit length at each place, from several layers.
"""

from pathlib import Path

import tensorflow as tf

from training.loss_network.squeezenet import load_squeezenet

LAYERS = ("conv1", "fire2", "fire3", "fire5", "fire7")
_EPSILON = 1e-6


class PerceptualDistance:
    """Measures how different pictures look.

    Departs from [LPIPS]: all channels weigh the same, because the weights that it learned from people's
    judgements are not at hand.

    Args:
        weights: The loss network's weights file.

    Raises:
        WrongUsageError: The weights file is none of the loss network's.
    """

    def __init__(self, weights: Path):
        self._network = load_squeezenet(weights, LAYERS)

    def __call__(self, pictures, others) -> tf.Tensor:
        """Returns the distances of pictures from others, float32 `[N]`; 0 for equal pictures.

        Args:
            pictures: float32 tensor `[N, h, w, 1 or 3]` on the scale [0, 255], h and w at least 32.
            others: float32 tensor of the same shape.
        """
        distances = [
            tf.reduce_mean(tf.reduce_sum(tf.square(_normalise(layer) - _normalise(other)), -1), [1, 2])
            for layer, other in zip(self._find_layers(pictures), self._find_layers(others), strict=True)
        ]
        return tf.add_n(distances) / len(distances)

    def _find_layers(self, pictures):
        if pictures.shape[-1] == 1:
            pictures = tf.repeat(pictures, 3, axis=-1)
        return self._network(pictures)


def _normalise(layer) -> tf.Tensor:
    return layer * tf.math.rsqrt(tf.reduce_sum(tf.square(layer), -1, keepdims=True) + _EPSILON)
