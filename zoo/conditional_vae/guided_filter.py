"""Guided filter: smooths a picture's changes while respecting the picture's edges.

Sources:
    [GF] He et al. 2013, "Guided Image Filtering", section 3.3 and eq. 14 to 16 for colour guides.
    [Fast] He & Sun 2015, "Fast Guided Filter", arXiv 1505.00996: the coefficients at a low resolution.
"""

import keras
import tensorflow as tf

from zoo.layers import pyramid

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
        num_colours, num_values = guide.shape[-1], values.shape[-1]
        low_guide, low_values = (
            tf.nn.avg_pool2d(images, self.scale, self.scale, "SAME") for images in (guide, values)
        )
        guide_mean, values_mean = self._box_mean(low_guide), self._box_mean(low_values)
        covariance = self._covariance(low_guide, low_guide, guide_mean, guide_mean)
        cross_covariance = self._covariance(low_guide, low_values, guide_mean, values_mean)
        # [GF] eq. 14 and 15.
        slopes = tf.linalg.solve(covariance + EPSILON * tf.eye(num_colours), cross_covariance)
        offsets = values_mean - tf.einsum("nhwc,nhwck->nhwk", guide_mean, slopes)
        flat = tf.concat([_flatten(slopes), offsets], axis=-1)
        flat = tf.image.resize(self._box_mean(flat), [self.image_size, self.image_size])
        slopes, offsets = tf.split(flat, [num_colours * num_values, num_values], axis=-1)
        slopes = tf.reshape(slopes, [-1, self.image_size, self.image_size, num_colours, num_values])
        return tf.einsum("nhwc,nhwck->nhwk", guide, slopes) + offsets

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size}

    def _covariance(self, left, right, left_mean, right_mean):
        products = self._box_mean(_flatten(left[..., :, None] * right[..., None, :]))
        shape = tf.concat([tf.shape(left), [right.shape[-1]]], axis=0)
        return tf.reshape(products, shape) - left_mean[..., :, None] * right_mean[..., None, :]

    def _box_mean(self, images):
        # TensorFlow's average ignores positions outside the picture.
        return tf.nn.avg_pool2d(images, 2 * self.radius + 1, 1, "SAME")


def _flatten(matrices):
    return tf.reshape(matrices, [*tf.unstack(tf.shape(matrices)[:3]), matrices.shape[3] * matrices.shape[4]])
