"""Subpixels: enlargement by an integer factor, computed by convolutions in low resolution.

Each low-res pixel becomes s x s pixels, which are computed as channels. Subpixels are float tensors
`[N, h, w, s * s * C]`, in the order that `tf.nn.depth_to_space` turns into pictures `[N, s * h, s * w, C]`.

Sources:
    [ESPCN] Shi et al. 2016, arXiv 1609.05158, section 2.2: a strided deconvolution equals a convolution in
    low resolution followed by a rearrangement.
    [Keys] As in `zoo/pictures/resize.py`.
"""

import functools

import keras
import numpy as np
import tensorflow as tf

from zoo.pictures.resize import bicubic

# Low-res pixels on each side that bicubic interpolation depends on.
BICUBIC_RADIUS = 2


def to_picture(subpixels, upscale_factor: int) -> tf.Tensor:
    """Rearranges subpixels `[N, h, w, s * s * C]` of any dtype to pictures `[N, s * h, s * w, C]`."""
    return tf.nn.depth_to_space(subpixels, upscale_factor)


def from_picture(images, upscale_factor: int) -> tf.Tensor:
    """Rearranges pictures to subpixels; the inverse of `to_picture`."""
    return tf.nn.space_to_depth(images, upscale_factor)


def bicubic_subpixels(images, upscale_factor: int) -> tf.Tensor:
    """Enlarges pictures by bicubic interpolation, as `zoo.pictures.resize.bicubic` does, but faster.

    Args:
        images: uint8 or float tensor `[N, h, w, C]`, any h and w from 1.
        upscale_factor: The factor s.

    Returns:
        float32 tensor `[N, h, w, s * s * C]` on the scale of the input, not clipped.

    Example:

    >>> picture = to_picture(bicubic_subpixels(tf.ones([1, 4, 5, 3]), 3), 3)
    >>> picture.shape.as_list(), float(tf.reduce_max(tf.abs(picture - 1.0))) < 1e-5
    ([1, 12, 15, 3], True)
    """
    images = tf.cast(images, "float32")
    num_channels = images.shape[-1]
    taps = _bicubic_taps(upscale_factor)
    kernel = np.einsum("iy,jx,cd->ijcyxd", taps, taps, np.eye(num_channels))
    kernel = kernel.reshape(*kernel.shape[:3], -1)
    summed = tf.nn.conv2d(images, kernel.astype("float32"), strides=1, padding="SAME")
    # Pixels outside the picture have no weight; near an edge the others are scaled up to a sum of 1.
    num, height, width = tf.unstack(tf.shape(images)[:3])
    per_row = tf.repeat(_inverse_weights(height, taps), upscale_factor * num_channels, axis=1)
    per_column = tf.tile(tf.repeat(_inverse_weights(width, taps), num_channels, axis=1), [1, upscale_factor])
    num_subpixels = upscale_factor**2 * num_channels
    rows = _multiply_ends(tf.reshape(summed, [num, height, width, num_subpixels]), per_row)
    columns = _multiply_ends(tf.reshape(rows, [num * height, width, 1, num_subpixels]), per_column)
    return tf.reshape(columns, tf.shape(summed))


def _multiply_ends(subpixels, factors):
    """Multiplies the entries near both ends of axis 1 of `[A, side, B, D]` by factors `[side, D]`."""
    num, side, num_beside, depth = tf.unstack(tf.shape(subpixels))
    first = tf.range(tf.minimum(BICUBIC_RADIUS, side))
    # Each index once, also on short sides: TFLite would add up duplicates.
    last = tf.range(tf.maximum(BICUBIC_RADIUS, side - BICUBIC_RADIUS), tf.maximum(BICUBIC_RADIUS, side))
    near_ends = tf.concat([first, last], axis=0)
    places = tf.reshape(tf.range(num)[:, tf.newaxis] * side + near_ends, [-1])
    lines = tf.reshape(subpixels, [num * side, num_beside, depth])
    chosen = tf.tile(tf.gather(factors, near_ends)[:, tf.newaxis], [num, 1, 1])
    return tf.tensor_scatter_nd_update(lines, places[:, tf.newaxis], tf.gather(lines, places) * chosen)


@functools.cache
def _bicubic_taps(upscale_factor: int) -> np.ndarray:
    """Returns each subpixel's weights `[2 * BICUBIC_RADIUS + 1, s]` for the pixels of a line."""
    num_taps = 2 * BICUBIC_RADIUS + 1
    # The response to a single white pixel, on a line long enough to keep its ends out of reach.
    line = np.zeros([1, 1, 4 * num_taps, 1], "float32")
    middle = 2 * num_taps
    line[0, 0, middle, 0] = 1.0
    with tf.init_scope():
        answer = bicubic(line, 1, 4 * num_taps * upscale_factor).numpy().reshape(-1, upscale_factor)
    return answer[middle - BICUBIC_RADIUS : middle + BICUBIC_RADIUS + 1][::-1].copy()


def _inverse_weights(side, taps: np.ndarray):
    positions = tf.range(side)[:, tf.newaxis] + tf.range(-BICUBIC_RADIUS, BICUBIC_RADIUS + 1)
    is_inside = tf.logical_and(positions >= 0, positions < side)
    return 1.0 / tf.matmul(tf.cast(is_inside, "float32"), taps)


@keras.saving.register_keras_serializable("zoo")
class Deconvolution(keras.layers.Layer):
    """A deconvolution whose stride is the upscale factor, computed in low resolution [ESPCN].

    Its weights are those of `keras.layers.Conv2DTranspose(filters, kernel_size, strides=upscale_factor)`, and
    its result is that layer's with padding "same", as subpixels. Keras' own layer takes many times as long on
    CPUs when it reduces many channels to few.

    If kernel size and factor are both odd, the kernel is centred on the pixels that a low-res pixel becomes;
    otherwise it is half a pixel off, for which training compensates in the weights.

    Args:
        filters: Channels C of the picture.
        kernel_size: Side of the kernel in pixels of the picture.
        upscale_factor: The factor s.
        kernel_initializer: As for `keras.layers.Conv2DTranspose`.
        dtype: Dtype policy.

    Call arguments:
        features: Float tensor `[N, h + 2 * margin, w + 2 * margin, D]`, including a margin on every side.

    Returns:
        Subpixels `[N, h, w, s * s * C]`.

    Example:

    >>> layer = Deconvolution(1, kernel_size=9, upscale_factor=3)
    >>> layer.margin, layer(tf.zeros([1, 6, 7, 56])).shape.as_list()
    (1, [1, 4, 5, 9])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        upscale_factor: int,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.filters = filters
        self.kernel_size = kernel_size
        self.upscale_factor = upscale_factor
        # Number of rows that padding "same" cuts off before those of the first low-res pixel.
        self._num_cut = (kernel_size - upscale_factor) // 2
        before, behind = self._num_cut, kernel_size - upscale_factor - self._num_cut
        self.margin = -(-max(before, behind) // upscale_factor)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, self.filters, input_shape[-1]),
            initializer=self.kernel_initializer,
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, features):
        kernel = self.to_convolution(tf.cast(self.kernel, self.compute_dtype))
        bias = tf.tile(tf.cast(self.bias, self.compute_dtype), [self.upscale_factor**2])
        return tf.nn.bias_add(tf.nn.conv2d(features, kernel, strides=1, padding="VALID"), bias)

    def compute_output_shape(self, input_shape):
        num, height, width, _ = input_shape
        sides = (None if side is None else side - 2 * self.margin for side in (height, width))
        return (num, *sides, self.upscale_factor**2 * self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "upscale_factor": self.upscale_factor,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    def to_convolution(self, kernel):
        """Turns a kernel `[k, k, C, D]` into `[2 * margin + 1, 2 * margin + 1, D, s * s * C]`.

        Subpixel r of pixel i receives pixel i + d with the kernel's weight at r + cut - s * d.
        """
        factor, num_taps = self.upscale_factor, 2 * self.margin + 1
        before = self.margin * factor - self._num_cut
        behind = num_taps * factor - self.kernel_size - before
        padded = tf.pad(kernel, [[before, behind], [before, behind], [0, 0], [0, 0]])
        num_features = kernel.shape[-1]
        split = tf.reshape(padded, [num_taps, factor, num_taps, factor, self.filters, num_features])
        flipped = tf.reverse(split, [0, 2])
        ordered = tf.transpose(flipped, [0, 2, 5, 1, 3, 4])
        return tf.reshape(ordered, [num_taps, num_taps, num_features, factor**2 * self.filters])
