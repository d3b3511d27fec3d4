"""Convolutions with kernel size 4 and stride 2, whose gradients are faster on CPUs.

TensorFlow's forward pass is as fast as matrix products of the same size. Two of its gradients take up to
twice as long: those of kernels in bfloat16, and those of pictures with one or three channels. This module
replaces both; results differ only by rounding.

Sources:
    [im2col] As in `zoo/layers/narrow_convolutions.py`: a convolution as a matrix product.
"""

import keras
import tensorflow as tf

from zoo.layers.subpixels import to_picture

KERNEL_SIZE, STRIDE = 4, 2
# With fewer channels the matrix products are too narrow to be faster.
MIN_CHANNELS = 32
MAX_PICTURE_CHANNELS = 3


@tf.custom_gradient
def trained_conv2d(features, kernel) -> tf.Tensor:
    """Convolves as `tf.nn.conv2d` does with stride 2 and padding "SAME".

    Args:
        features: Float tensor `[N, 2 * h, 2 * w, C]`.
        kernel: Float tensor `[4, 4, C, D]` of the same dtype.

    Returns:
        Float tensor `[N, h, w, D]`.
    """

    def gradients(upstream):
        return _transposed(upstream, kernel), _kernel_gradient(features, upstream)

    return tf.nn.conv2d(features, kernel, STRIDE, "SAME"), gradients


@tf.custom_gradient
def trained_conv2d_transpose(features, kernel) -> tf.Tensor:
    """Deconvolves as `tf.nn.conv2d_transpose` does with stride 2 and padding "SAME".

    Args:
        features: Float tensor `[N, h, w, D]`.
        kernel: Float tensor `[4, 4, C, D]` of the same dtype.

    Returns:
        Float tensor `[N, 2 * h, 2 * w, C]`.
    """

    def gradients(upstream):
        return tf.nn.conv2d(upstream, kernel, STRIDE, "SAME"), _kernel_gradient(upstream, features)

    return _transposed(features, kernel), gradients


def _transposed(features, kernel):
    """Returns the gradient `[N, 2 * h, 2 * w, C]` of a convolution's input, given that of its output."""
    channels, depth = kernel.shape[2:]
    num, height, width = (_side(features, axis) for axis in range(3))
    if channels > MAX_PICTURE_CHANNELS:
        shape = [num, STRIDE * height, STRIDE * width, channels]
        return tf.nn.conv2d_transpose(features, kernel, shape, STRIDE, "SAME")
    # The four pixels between four neighbours take the place of channels; one pixel per side is cut off.
    blocks = tf.reverse(_in_blocks(kernel), [0, 1])
    ordered = tf.transpose(blocks, [0, 1, 5, 2, 3, 4])
    ordered = tf.reshape(ordered, [2, 2, depth, STRIDE**2 * channels])
    surrounded = tf.pad(features, [[0, 0], [1, 1], [1, 1], [0, 0]])
    return to_picture(tf.nn.conv2d(surrounded, ordered, 1, "VALID"), STRIDE)[:, 1:-1, 1:-1]


def _kernel_gradient(wide, narrow):
    """Returns the gradient `[4, 4, C, D]` of a kernel between `[N, 2h, 2w, C]` and `[N, h, w, D]`."""
    channels, depth = wide.shape[3], narrow.shape[3]
    if wide.dtype != tf.bfloat16 or min(channels, depth) < MIN_CHANNELS:
        return tf.raw_ops.Conv2DBackpropFilter(
            input=wide,
            filter_sizes=[KERNEL_SIZE, KERNEL_SIZE, channels, depth],
            out_backprop=narrow,
            strides=[1, STRIDE, STRIDE, 1],
            padding="SAME",
        )
    height, width = (_side(narrow, axis) for axis in (1, 2))
    surrounded = tf.pad(wide, [[0, 0], [1, 1], [1, 1], [0, 0]])
    # The order of `tf.nn.space_to_depth`, which is slower.
    split = tf.reshape(surrounded, [-1, height + 1, STRIDE, width + 1, STRIDE, channels])
    blocks = tf.transpose(split, [0, 1, 3, 2, 4, 5])
    flat = tf.reshape(narrow, [-1, depth])

    def product(row, column):
        shifted = blocks[:, row : row + height, column : column + width]
        shifted = tf.reshape(shifted, [-1, STRIDE**2 * channels])
        return tf.reshape(tf.matmul(shifted, flat, transpose_a=True), [STRIDE, STRIDE, channels, depth])

    rows = [tf.stack([product(row, column) for column in range(2)], axis=1) for row in range(2)]
    return tf.reshape(tf.stack(rows), [KERNEL_SIZE, KERNEL_SIZE, channels, depth])


def _in_blocks(kernel):
    """Splits a kernel `[4, 4, C, D]` into blocks: `[block, block, row, column, C, D]`."""
    channels, depth = kernel.shape[2:]
    return tf.transpose(tf.reshape(kernel, [2, STRIDE, 2, STRIDE, channels, depth]), [0, 2, 1, 3, 4, 5])


def _side(images, axis: int):
    return tf.shape(images)[axis] if images.shape[axis] is None else images.shape[axis]


class _FixedSizes(keras.layers.Layer):
    """Mixin that fixes the kernel size, stride and padding of a Keras layer."""

    def __init__(self, filters: int, use_bias: bool = True, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(
            filters,
            KERNEL_SIZE,
            STRIDE,
            "same",
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            **kwargs,
        )

    def call(self, features, training=None):
        if not training:
            # No custom gradient at inference: a SavedModel cannot store it and would warn about it.
            return super().call(features)
        result = self.trained_operation(features, tf.convert_to_tensor(self.kernel))
        return tf.nn.bias_add(result, tf.convert_to_tensor(self.bias)) if self.use_bias else result

    def get_config(self):
        config = super().get_config()
        names = ("name", "trainable", "dtype", "filters", "use_bias", "kernel_initializer")
        return {name: config[name] for name in names}


@keras.saving.register_keras_serializable("zoo")
class StridedConv2D(_FixedSizes, keras.layers.Conv2D):
    """`keras.layers.Conv2D` with kernel size 4, stride 2 and padding "same", trained faster on CPUs.

    Args:
        filters: Channels of the result.
        use_bias: As for `keras.layers.Conv2D`.
        kernel_initializer: As for `keras.layers.Conv2D`.
        **kwargs: `name` and `dtype`.

    Call arguments:
        features: Float tensor `[N, h, w, C]`, h and w even.
        training: Whether to use the faster gradients.

    Returns:
        Float tensor `[N, h / 2, w / 2, filters]`.

    Example:

    >>> StridedConv2D(8)(tf.ones([1, 28, 14, 3])).shape.as_list()
    [1, 14, 7, 8]
    """

    trained_operation = staticmethod(trained_conv2d)


@keras.saving.register_keras_serializable("zoo")
class StridedConv2DTranspose(_FixedSizes, keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` with kernel size 4, stride 2 and padding "same", trained faster on CPUs.

    Args:
        filters: Channels of the result.
        use_bias: As for `keras.layers.Conv2DTranspose`.
        kernel_initializer: As for `keras.layers.Conv2DTranspose`.
        **kwargs: `name` and `dtype`.

    Call arguments:
        features: Float tensor `[N, h, w, C]`.
        training: Whether to use the faster gradients.

    Returns:
        Float tensor `[N, 2 * h, 2 * w, filters]`.

    Example:

    >>> StridedConv2DTranspose(8)(tf.ones([1, 14, 7, 3])).shape.as_list()
    [1, 28, 14, 8]
    """

    trained_operation = staticmethod(trained_conv2d_transpose)
