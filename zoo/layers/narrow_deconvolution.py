"""Fast transposed convolution with few output channels, for layers that draw pictures.

As in `zoo/layers/narrow_convolutions.py`, pixels are computed as if they were channels: here those that one
pixel of the features contributes to.

Sources:
    [ESPCN] As in `zoo/layers/subpixels.py`: pixels as channels.
    [im2col] Chellapilla et al. 2006, "High Performance Convolutional Neural Networks for Document
    Processing": a convolution as a matrix product, here for the gradients.
"""

import itertools

import keras
import tensorflow as tf

from zoo.errors import WrongUsageError
from zoo.layers.narrow_convolutions import float32_layer, known_size, tap_kernel
from zoo.layers.subpixels import Deconvolution, to_picture


def narrow_conv2d_transpose(features, kernel, factor: int) -> tf.Tensor:
    """Deconvolves with padding "SAME", as `tf.nn.conv2d_transpose` does, but faster for few output channels.

    Each pixel of the features contributes a patch of the picture. One matrix product computes all patches, in
    blocks of `factor` x `factor` pixels, and overlapping blocks are added up.

    Args:
        features: Float tensor `[N, h, w, D]`.
        kernel: Float tensor `[k, k, C, D]` of the same dtype, k at least `factor`.
        factor: The stride s.

    Returns:
        Float tensor `[N, s * h, s * w, C]`.

    Example:

    >>> narrow_conv2d_transpose(tf.ones([1, 7, 6, 32]), tf.ones([4, 4, 1, 32]), 2).shape.as_list()
    [1, 14, 12, 1]
    """
    num_blocks, num_cut = _overlap(kernel, factor)
    num, height, width = (known_size(features, axis) for axis in range(3))
    depth = kernel.shape[-1]
    patches = tf.matmul(tf.reshape(features, [-1, depth]), _to_blocks(kernel, factor))
    blocks = tf.split(tf.reshape(patches, [num, height, width, patches.shape[-1]]), num_blocks**2, axis=-1)
    placed = []
    for row, column in itertools.product(range(num_blocks), repeat=2):
        behind = num_blocks - 1 - row, num_blocks - 1 - column
        block = blocks[row * num_blocks + column]
        placed.append(tf.pad(block, [[0, 0], [row, behind[0]], [column, behind[1]], [0, 0]]))
    picture = to_picture(tf.add_n(placed), factor)
    return picture[:, num_cut : num_cut + factor * height, num_cut : num_cut + factor * width]


def trained_narrow_conv2d_transpose(features, kernel, factor: int) -> tf.Tensor:
    """Computes `narrow_conv2d_transpose` in the kernel's dtype, and its gradients in the features' dtype.

    Args:
        features: Float tensor `[N, h, w, D]`.
        kernel: float32 tensor `[k, k, C, D]`.
        factor: The stride.
    """
    kernel_size, _, channels, depth = kernel.shape
    _, num_cut = _overlap(kernel, factor)
    num_behind = kernel_size - factor - num_cut

    @tf.custom_gradient
    def deconvolve(features, kernel):
        def gradients(upstream):
            surrounding = [[0, 0], [num_cut, num_behind], [num_cut, num_behind], [0, 0]]
            padded = tf.pad(tf.cast(upstream, features.dtype), surrounding)
            # For each pixel of the features, the gradients of all outputs that depend on it.
            taps = tf.cast(tap_kernel(kernel_size, channels), features.dtype)
            flat = tf.reshape(
                tf.nn.conv2d(padded, taps, strides=factor, padding="VALID"), [-1, taps.shape[-1]]
            )
            ordered = tf.reshape(tf.cast(kernel, features.dtype), [-1, depth])
            features_gradient = tf.reshape(tf.matmul(flat, ordered), tf.shape(features))
            kernel_gradient = tf.matmul(flat, tf.reshape(features, [-1, depth]), transpose_a=True)
            return features_gradient, tf.cast(tf.reshape(kernel_gradient, kernel.shape), kernel.dtype)

        return narrow_conv2d_transpose(tf.cast(features, kernel.dtype), kernel, factor), gradients

    return deconvolve(features, kernel)


def _overlap(kernel, factor: int) -> tuple[int, int]:
    """Returns how many blocks a kernel spans per side, and how many pixels are cut off before the first."""
    kernel_size = kernel.shape[0]
    return -(-kernel_size // factor), (kernel_size - factor) // 2


def _to_blocks(kernel, factor: int):
    """Rearranges a kernel `[k, k, C, D]` to `[D, b * b * s * s * C]`: block by block, then pixel by pixel."""
    num_blocks, _ = _overlap(kernel, factor)
    kernel_size, _, channels, depth = kernel.shape
    missing = num_blocks * factor - kernel_size
    padded = tf.pad(kernel, [[0, missing], [0, missing], [0, 0], [0, 0]])
    split = tf.reshape(padded, [num_blocks, factor, num_blocks, factor, channels, depth])
    return tf.reshape(tf.transpose(split, [5, 0, 2, 1, 3, 4]), [depth, -1])


@keras.saving.register_keras_serializable("zoo")
class NarrowConv2DTranspose(Deconvolution):
    """`keras.layers.Conv2DTranspose` with padding "same", faster on CPUs for few output channels.

    Use it as the last layer of a network that draws pictures. Its weights are interchangeable with those of
    Keras' layer. The result is float32; in training, gradients are computed in the features' dtype.

    Args:
        filters: Channels C of the picture.
        kernel_size: Side of the kernel in pixels of the picture.
        upscale_factor: The stride s.
        kernel_initializer: As for `keras.layers.Conv2DTranspose`.
        name: Name of the layer.

    Call arguments:
        features: Float tensor `[N, h, w, D]`.
        training: Whether gradients are computed in the features' dtype.

    Returns:
        float32 tensor `[N, s * h, s * w, C]`.

    Raises:
        WrongUsageError: The kernel is smaller than the stride.

    Example:

    >>> NarrowConv2DTranspose(1, kernel_size=4, upscale_factor=2)(tf.ones([1, 7, 7, 32])).shape.as_list()
    [1, 14, 14, 1]
    """

    def __init__(self, filters: int, kernel_size: int, upscale_factor: int, **kwargs):
        super().__init__(filters, kernel_size, upscale_factor, **float32_layer(kwargs))
        if kernel_size < upscale_factor:
            raise WrongUsageError(
                "`kernel_size` must be at least `upscale_factor`, or some pixels would stay empty. "
                f"Received: kernel_size={kernel_size}, upscale_factor={upscale_factor}. "
                f"Use a kernel size of at least {upscale_factor}."
            )

    def call(self, features, training=None):
        kernel = tf.convert_to_tensor(self.kernel)
        if training:
            picture = trained_narrow_conv2d_transpose(features, kernel, self.upscale_factor)
        else:
            features = tf.cast(features, kernel.dtype)
            picture = narrow_conv2d_transpose(features, kernel, self.upscale_factor)
        return tf.nn.bias_add(picture, self.bias)

    def compute_output_shape(self, input_shape):
        num, height, width, _ = input_shape
        sides = (None if side is None else self.upscale_factor * side for side in (height, width))
        return (num, *sides, self.filters)
