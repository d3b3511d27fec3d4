"""Guided filter: smooths a picture's changes while respecting the picture's edges.

Sources:
    [GF] He et al. 2013, "Guided Image Filtering"; see `zoo/pictures/guided_filter.py`.
"""

import keras
import tensorflow as tf

from zoo.layers import pyramid
from zoo.pictures.guided_filter import apply_windows, fit_windows

# Windows' radius as a share of the low-res picture's side.
RADIUS_SHARE = 0.2
# Variance of colours in [0, 1] below which a window counts as uniform.
EPSILON = 1e-3
MAX_HALVINGS = 2


@keras.saving.register_keras_serializable("zoo")
class GuidedFilter(keras.layers.Layer):
    """Makes values a linear function of the guide's colours in every window [GF].

    Nearby pixels of the same colour then get the same value, up to the edge where the colour changes.

    Args:
        image_size: Side S of the pictures in pixels, valid for `zoo.layers.pyramid`.

    Call arguments:
        inputs: The guide, float32 `[N, S, S, C]` in [0, 1], and the values, float32 `[N, S, S, K]`.

    Returns:
        float32 tensor `[N, S, S, K]`.

    Example:

    >>> guide = tf.concat([tf.zeros([1, 16, 8, 1]), tf.ones([1, 16, 8, 1])], axis=2)
    >>> spot = tf.one_hot(4, 16)[None, None, :, None] * tf.one_hot(8, 16)[None, :, None, None]
    >>> smooth = GuidedFilter(16)([guide, 16.0 * spot])
    >>> bool(smooth[0, 8, 6, 0] > 0.1), bool(tf.abs(smooth[0, 8, 9, 0]) < 0.02)
    (True, True)
    """

    def __init__(self, image_size: int, name: str = "guided_filter", **kwargs):
        super().__init__(name=name, **{"dtype": "float32", **kwargs})
        self.image_size = image_size
        self.scale = 1 << min(MAX_HALVINGS, pyramid.num_levels(image_size))
        self.radius = max(1, round(RADIUS_SHARE * image_size / self.scale))

    def call(self, inputs):
        guide, values = inputs
        low_guide, low_values = (
            tf.nn.avg_pool2d(images, self.scale, self.scale, "SAME") for images in (guide, values)
        )
        slopes, offsets = fit_windows(low_guide, low_values, self.radius, EPSILON)
        return apply_windows(guide, slopes, offsets)

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size}
