"""Convolutions to the one or three channels of a picture, which CPUs compute slowly as they are written.

A vector unit works on 8 or 16 channels at once and idles where only one comes out. Here the pixels of a block
of the result take the place of channels: the same sums, 2 to 7 times as fast on a CPU with AVX-512. Of a
deconvolution it is the pixels that one of the features' contributes to.

Sources:
    [ESPCN] As in `zoo/subpixels.py`: pixels as channels.
    [im2col] Chellapilla et al. 2006, "High Performance Convolutional Neural Networks for Document
    Processing": a convolution as a product of matrices, here that of the gradients.
"""

import functools
import itertools

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import WrongUsageError
from zoo.subpixels import Deconvolution, to_picture

# As many channels as a vector of 512 bits holds floats.
MOST_CHANNELS = 16
PADDINGS = ("valid", "same")


def narrow_conv2d(features, kernel) -> tf.Tensor:
    """Convolves without padding and with stride 1, as `tf.nn.conv2d` does, faster to few channels.

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
    # Kernels of all pixels of a block, each where it lies in what the block depends on.
    shifted = [
        tf.pad(kernel, [[row, side - 1 - row], [column, side - 1 - column], [0, 0], [0, 0]])
        for row in range(side)
        for column in range(side)
    ]
    height, width = (_side(features, axis) - kernel_size + 1 for axis in (1, 2))
    padded = tf.pad(features, [[0, 0], [0, -height % side], [0, -width % side], [0, 0]])
    if None in padded.shape[1:3]:
        # TFLite forgets the depth where it does not know the padding.
        padded = tf.reshape(padded, [*tf.unstack(tf.shape(padded)[:3]), depth])
    blocks = tf.nn.conv2d(padded, tf.concat(shifted, axis=-1), strides=side, padding="VALID")
    if side == 1:
        return blocks
    return to_picture(blocks, side)[:, :height, :width]


@tf.custom_gradient
def trained_narrow_conv2d(features, kernel) -> tf.Tensor:
    """Does as `narrow_conv2d` in the kernel's dtype; gradients are computed in the features'.

    Under mixed precision a picture needs float32, its gradients do not.

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
    # Of each pixel of the features: the gradients of all that it went into.
    taps = tf.cast(_taps(kernel_size, channels)[::-1, ::-1], dtype)
    gathered = tf.nn.conv2d(padded, taps, strides=1, padding="VALID")
    flat = tf.reshape(gathered, [-1, num_taps])
    kernel_gradient = tf.matmul(flat, tf.reshape(features, [-1, depth]), transpose_a=True)
    kernel_gradient = tf.reshape(kernel_gradient, [kernel_size, kernel_size, channels, depth])
    ordered = tf.reshape(tf.transpose(tf.cast(kernel, dtype), [0, 1, 3, 2]), [num_taps, depth])
    features_gradient = tf.reshape(tf.matmul(flat, ordered), tf.shape(features))
    return features_gradient, tf.cast(tf.transpose(kernel_gradient, [0, 1, 3, 2]), kernel.dtype)


@functools.cache
def _taps(kernel_size: int, channels: int) -> np.ndarray:
    """Returns the kernel `[k, k, C, k * k * C]` that puts what lies below its weights side by side."""
    taps = np.eye(kernel_size**2 * channels, dtype="float32")
    return taps.reshape(kernel_size, kernel_size, channels, -1)


def narrow_conv2d_transpose(features, kernel, factor: int) -> tf.Tensor:
    """Deconvolves with padding "SAME", as `tf.nn.conv2d_transpose` does, faster to few channels.

    Each pixel of the features gives a patch of the picture; one product gives all of them, in blocks of
    `factor` x `factor` pixels, which are then added up where they overlap.

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
    num, height, width = (_side(features, axis) for axis in range(3))
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
    """Does as `narrow_conv2d_transpose` in the kernel's dtype; gradients are computed in the features'.

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
            # Of each pixel of the features: the gradients of all that it went into.
            taps = tf.cast(_taps(kernel_size, channels), features.dtype)
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
    """Returns how many blocks a kernel covers on a side, and how many pixels are cut off before the first."""
    kernel_size = kernel.shape[0]
    return -(-kernel_size // factor), (kernel_size - factor) // 2


def _to_blocks(kernel, factor: int):
    """Turns `[k, k, C, D]` into `[D, b * b * s * s * C]`: block by block, and the pixels of each."""
    num_blocks, _ = _overlap(kernel, factor)
    kernel_size, _, channels, depth = kernel.shape
    missing = num_blocks * factor - kernel_size
    padded = tf.pad(kernel, [[0, missing], [0, missing], [0, 0], [0, 0]])
    split = tf.reshape(padded, [num_blocks, factor, num_blocks, factor, channels, depth])
    return tf.reshape(tf.transpose(split, [5, 0, 2, 1, 3, 4]), [depth, -1])


def _block_side(channels: int) -> int:
    return max(int((MOST_CHANNELS / channels) ** 0.5), 1)


def _side(images, axis: int):
    return tf.shape(images)[axis] if images.shape[axis] is None else images.shape[axis]


@keras.saving.register_keras_serializable("zoo")
class NarrowConv2D(keras.layers.Layer):
    """A convolution to few channels: `keras.layers.Conv2D` with stride 1, in float32, but faster on CPUs.

    Use it for the last layer of a network that draws pictures. Its weights are those of Keras' layer. The
    result is float32; in training, gradients are computed in the dtype of the features.

    Args:
        filters: Channels C of the result.
        kernel_size: Side k of the kernel.
        padding: `valid`, or `same` for an odd kernel size: zeros around.
        kernel_initializer: As for `keras.layers.Conv2D`.
        name: Name of the layer.

    Call arguments:
        features: Float tensor `[N, h, w, D]`.
        training: Whether gradients are taken as said above.

    Returns:
        float32 tensor `[N, h, w, C]`; h and w are less by k - 1 without padding.

    Raises:
        WrongUsageError: There is no such padding, or it is `same` and the kernel size is even.

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
        super().__init__(**_float32_layer(kwargs))
        if padding not in PADDINGS or (padding == "same" and kernel_size % 2 == 0):
            raise WrongUsageError(
                "`padding` must be valid, or same with an odd kernel size. "
                f"Received: padding={padding!r}, kernel_size={kernel_size}."
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


@keras.saving.register_keras_serializable("zoo")
class NarrowConv2DTranspose(Deconvolution):
    """A deconvolution to few channels: `keras.layers.Conv2DTranspose`, padding "same", but faster on CPUs.

    Use it for the last layer of a network that draws pictures. Its weights are those of Keras' layer. The
    result is float32; in training, gradients are computed in the dtype of the features.

    Args:
        filters: Channels C of the picture.
        kernel_size: Side of the kernel in pixels of the picture.
        upscale_factor: The stride s.
        kernel_initializer: As for `keras.layers.Conv2DTranspose`.
        name: Name of the layer.

    Call arguments:
        features: Float tensor `[N, h, w, D]`.
        training: Whether gradients are taken as said above.

    Returns:
        float32 tensor `[N, s * h, s * w, C]`.

    Raises:
        WrongUsageError: The kernel is smaller than the stride.

    Example:

    >>> NarrowConv2DTranspose(1, kernel_size=4, upscale_factor=2)(tf.ones([1, 7, 7, 32])).shape.as_list()
    [1, 14, 14, 1]
    """

    def __init__(self, filters: int, kernel_size: int, upscale_factor: int, **kwargs):
        super().__init__(filters, kernel_size, upscale_factor, **_float32_layer(kwargs))
        if kernel_size < upscale_factor:
            raise WrongUsageError(
                "`kernel_size` must be at least `upscale_factor`, or some pixels would get nothing. "
                f"Received: kernel_size={kernel_size}, upscale_factor={upscale_factor}."
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


def _float32_layer(kwargs) -> dict:
    # Features come as they are, so that gradients can have their dtype.
    return {**kwargs, "dtype": "float32", "autocast": False}


def _surround(features, margin: int):
    return tf.pad(features, [[0, 0], [margin, margin], [margin, margin], [0, 0]])


def _convolve(features, kernel, training):
    kernel = tf.convert_to_tensor(kernel)
    if training:
        return trained_narrow_conv2d(features, kernel)
    # Not there: a SavedModel would warn of a gradient that it does not hold.
    return narrow_conv2d(tf.cast(features, kernel.dtype), kernel)
