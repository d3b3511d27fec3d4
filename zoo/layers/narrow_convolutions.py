"""Fast convolutions with one to three output channels, for layers that draw pictures.

A CPU's vector unit processes 8 or 16 channels at once and idles when there is only one. These convolutions
compute a block of neighbouring output pixels as if they were channels: the same sums, 2 to 7 times as fast on
a CPU with AVX-512.

Sources:
    [ESPCN] As in `zoo/layers/subpixels.py`: pixels as channels.
    [im2col] Chellapilla et al. 2006, "High Performance Convolutional Neural Networks for Document
    Processing": a convolution as a matrix product, here for the gradients.
"""

import functools

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import WrongUsageError
from zoo.layers.subpixels import to_picture

# The number of floats in a 512-bit vector.
MOST_CHANNELS = 16
PADDINGS = ("valid", "same")


def narrow_conv2d(features, kernel) -> tf.Tensor:
    """Convolves without padding at stride 1, as `tf.nn.conv2d` does, but faster for few output channels.

    Args:
        features: Float tensor `[N, h, w, D]`.
        kernel: Float tensor `[k, k, D, C]` of the same dtype.

    Returns:
        Float tensor `[N, h - k + 1, w - k + 1, C]`.

    Example:

    >>> narrow_conv2d(tf.ones([1, 9, 8, 32]), tf.ones([5, 5, 32, 1])).shape.as_list()
    [1, 5, 4, 1]
    """
    kernel_size, _, depth, channels = kernel.shape
    side = _block_side(channels)
    # One kernel per pixel of a block, at its position within the block's receptive field.
    shifted = [
        tf.pad(kernel, [[row, side - 1 - row], [column, side - 1 - column], [0, 0], [0, 0]])
        for row in range(side)
        for column in range(side)
    ]
    height, width = (known_size(features, axis) - kernel_size + 1 for axis in (1, 2))
    padded = tf.pad(features, [[0, 0], [0, -height % side], [0, -width % side], [0, 0]])
    if None in padded.shape[1:3]:
        # TFLite loses the depth where the padding is unknown.
        padded = tf.reshape(padded, [*tf.unstack(tf.shape(padded)[:3]), depth])
    blocks = tf.nn.conv2d(padded, tf.concat(shifted, axis=-1), strides=side, padding="VALID")
    if side == 1:
        return blocks
    return to_picture(blocks, side)[:, :height, :width]


@tf.custom_gradient
def trained_narrow_conv2d(features, kernel) -> tf.Tensor:
    """Computes `narrow_conv2d` in the kernel's dtype, and its gradients in the features' dtype.

    Under mixed precision a picture needs float32, but its gradients do not.

    Args:
        features: Float tensor `[N, h, w, D]`.
        kernel: float32 tensor `[k, k, D, C]`.
    """

    def gradients(upstream):
        return _gradients(features, kernel, upstream)

    return narrow_conv2d(tf.cast(features, kernel.dtype), kernel), gradients


def _gradients(features, kernel, upstream):
    kernel_size, _, depth, channels = kernel.shape
    dtype, margin, num_taps = features.dtype, kernel_size - 1, kernel_size**2 * channels
    padded = tf.pad(tf.cast(upstream, dtype), [[0, 0], [margin, margin], [margin, margin], [0, 0]])
    # For each pixel of the features, the gradients of all outputs that depend on it.
    taps = tf.cast(tap_kernel(kernel_size, channels)[::-1, ::-1], dtype)
    gathered = tf.nn.conv2d(padded, taps, strides=1, padding="VALID")
    flat = tf.reshape(gathered, [-1, num_taps])
    kernel_gradient = tf.matmul(flat, tf.reshape(features, [-1, depth]), transpose_a=True)
    kernel_gradient = tf.reshape(kernel_gradient, [kernel_size, kernel_size, channels, depth])
    ordered = tf.reshape(tf.transpose(tf.cast(kernel, dtype), [0, 1, 3, 2]), [num_taps, depth])
    features_gradient = tf.reshape(tf.matmul(flat, ordered), tf.shape(features))
    return features_gradient, tf.cast(tf.transpose(kernel_gradient, [0, 1, 3, 2]), kernel.dtype)


@functools.cache
def tap_kernel(kernel_size: int, channels: int) -> np.ndarray:
    """Returns the kernel `[k, k, C, k * k * C]` that extracts patches: one output channel per input value."""
    taps = np.eye(kernel_size**2 * channels, dtype="float32")
    return taps.reshape(kernel_size, kernel_size, channels, -1)


def _block_side(channels: int) -> int:
    return max(int((MOST_CHANNELS / channels) ** 0.5), 1)


def known_size(images, axis: int):
    """Returns an axis's size: an integer where it is static, else a scalar tensor."""
    return tf.shape(images)[axis] if images.shape[axis] is None else images.shape[axis]


@keras.saving.register_keras_serializable("zoo")
class NarrowConv2D(keras.layers.Layer):
    """A float32 `keras.layers.Conv2D` with stride 1, faster on CPUs for few output channels.

    Use it as the last layer of a network that draws pictures. Its weights are interchangeable with those of
    Keras' layer. The result is float32; in training, gradients are computed in the features' dtype.

    Args:
        filters: Channels C of the result.
        kernel_size: Side k of the kernel.
        padding: `valid` for none, or `same` for zero padding, which needs an odd kernel size.
        kernel_initializer: As for `keras.layers.Conv2D`.
        name: Name of the layer.

    Call arguments:
        features: Float tensor `[N, h, w, D]`.
        training: Whether gradients are computed in the features' dtype.

    Returns:
        float32 tensor `[N, h, w, C]`; without padding h and w shrink by k - 1.

    Raises:
        WrongUsageError: The padding is unknown, or it is `same` with an even kernel size.

    Example:

    >>> NarrowConv2D(1, kernel_size=5)(tf.ones([1, 9, 8, 32], "bfloat16")).shape.as_list()
    [1, 5, 4, 1]
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        padding: str = "valid",
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**float32_layer(kwargs))
        if padding not in PADDINGS or (padding == "same" and kernel_size % 2 == 0):
            raise WrongUsageError(
                "`padding` must be valid, or same with an odd kernel size, which has a centre. "
                f"Received: padding={padding!r}, kernel_size={kernel_size}. Use valid, or another size."
            )
        self.filters = filters
        self.kernel_size = kernel_size
        self.padding = padding
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, input_shape[-1], self.filters),
            initializer=self.kernel_initializer,
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, features, training=None):
        if self.padding == "same":
            features = _surround(features, self.kernel_size // 2)
        return tf.nn.bias_add(_convolve(features, self.kernel, training), self.bias)

    def compute_output_shape(self, input_shape):
        num, *sides, _ = input_shape
        if self.padding == "valid":
            sides = [None if side is None else side - self.kernel_size + 1 for side in sides]
        return (num, *sides, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "padding": self.padding,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


def float32_layer(kwargs) -> dict:
    """Returns a layer's keyword arguments, set to compute in float32 under every policy."""
    # No autocast: gradients are computed in the dtype of the features as they arrive.
    return {**kwargs, "dtype": "float32", "autocast": False}


def _surround(features, margin: int):
    return tf.pad(features, [[0, 0], [margin, margin], [margin, margin], [0, 0]])


def _convolve(features, kernel, training):
    kernel = tf.convert_to_tensor(kernel)
    if training:
        return trained_narrow_conv2d(features, kernel)
    # At inference without the custom gradient, which a SavedModel cannot store and would warn about.
    return narrow_conv2d(tf.cast(features, kernel.dtype), kernel)
