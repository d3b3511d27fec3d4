"""A 3x3 convolution that is trained as several branches and runs as one.

Sources:
    [ECB] Zhang et al. 2021, "Edge-oriented Convolution Block for Real-time Super Resolution on Mobile
    Devices", section 3.2: the branches.
    [OREPA] Hu et al. 2022, "Online Convolutional Re-parameterization", arXiv 2204.00826: the branches are
    merged in every training step, too, which costs one convolution instead of five.
"""

import keras
import numpy as np
import tensorflow as tf

from zoo.layers.bounded_prelu import BoundedPReLU

# [ECB] section 3.2: first derivatives and the Laplacian.
_EDGE_FILTERS = (
    ((1, 0, -1), (2, 0, -2), (1, 0, -1)),
    ((1, 2, 1), (0, 0, 0), (-1, -2, -1)),
    ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
)
# [ECB] section 4.1: channels of the branch that widens before its 3x3 kernel, per channel of the result.
_EXPANSION = 2
# The other branches start small, so that at first the layer behaves as its 3x3 kernel does.
_BRANCH_SCALE = 0.01
# Features must not grow from layer to layer where the identity already keeps them.
_SCALE_BESIDE_IDENTITY = 0.2


@keras.saving.register_keras_serializable("zoo")
class NearIdentity(keras.initializers.Initializer):
    """Random kernels, plus the identity where a kernel has as many inputs as outputs.

    Example:

    >>> NearIdentity()((3, 3, 4, 8)).shape.as_list()
    [3, 3, 4, 8]
    """

    def __call__(self, shape, dtype=None):
        *size, depth, filters = shape
        if depth != filters:
            return keras.initializers.HeNormal()(shape, dtype)
        centre = np.zeros([*size, 1, 1], "float32")
        centre[size[0] // 2, size[1] // 2] = 1.0
        random = keras.initializers.VarianceScaling(_SCALE_BESIDE_IDENTITY)(shape, dtype)
        return random + tf.cast(centre * np.eye(depth, dtype="float32"), random.dtype)


@keras.saving.register_keras_serializable("zoo")
class EdgeConv2D(keras.layers.Layer):
    """Convolves with one 3x3 kernel, the sum of branches that each learn a part of it ([ECB], [OREPA]).

    The branches are a plain 3x3 kernel, a 1x1 kernel followed by a 3x3 kernel, and a 1x1 kernel followed by
    the derivative in each direction and the Laplacian. All are linear, so one kernel has the same result with
    a fraction of the multiplications. The identity, which [ECB] adds where the channels agree, has nothing to
    learn and is part of the plain kernel's initial value.

    Borders are padded with zeros.

    Args:
        filters: Channels of the result.
        is_merged: Whether the layer holds the sum alone: for inference, and for presets.
        starts_at_zero: Whether the result is zero at first, as the last layer's of a residual network.
        **kwargs: As for `keras.layers.Layer`.

    Call arguments:
        features: Float tensor `[N, h, w, D]`.

    Returns:
        Tensor `[N, h, w, filters]` of the layer's compute dtype.

    Example:

    >>> layer = EdgeConv2D(8)
    >>> layer(tf.zeros([1, 5, 4, 3])).shape.as_list(), len(layer.weights)
    ([1, 5, 4, 8], 7)
    """

    def __init__(self, filters: int, is_merged: bool = False, starts_at_zero: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.is_merged = is_merged
        self.starts_at_zero = starts_at_zero

    def build(self, input_shape):
        depth, filters, num_edges = input_shape[-1], self.filters, len(_EDGE_FILTERS)
        plain = "zeros" if self.starts_at_zero else NearIdentity()
        self.plain = self._add("kernel", (3, 3, depth, filters), plain)
        self.bias = self._add("bias", (filters,), "zeros")
        if not self.is_merged:
            wide = _EXPANSION * filters
            small = "zeros" if self.starts_at_zero else keras.initializers.Constant(_BRANCH_SCALE)
            self.widening = self._add("widening", (depth, wide), "he_normal")
            self.narrowing = self._add("narrowing", (3, 3, wide, filters), "he_normal")
            self.narrowing_scale = self._add("narrowing_scale", (filters,), small)
            self.edges = self._add("edges", (num_edges, depth, filters), "he_normal")
            self.edge_scale = self._add("edge_scale", (num_edges, filters), small)

    def _add(self, name: str, shape: tuple[int, ...], initializer):
        # Kept in float32, because the branches are summed before they are rounded.
        return self.add_weight(name=name, shape=shape, initializer=initializer, autocast=False)

    def call(self, features):
        kernel = tf.cast(self.merged_kernel(), self.compute_dtype)
        convolved = tf.nn.conv2d(features, kernel, strides=1, padding="SAME")
        return convolved + tf.cast(tf.convert_to_tensor(self.bias), self.compute_dtype)

    def merged_kernel(self) -> tf.Tensor:
        """Returns the sum of the branches, float32 `[3, 3, D, filters]`."""
        plain = tf.convert_to_tensor(self.plain.value)
        if self.is_merged:
            return plain
        widened = tf.einsum("dw,ijwf->ijdf", self.widening.value, self.narrowing.value)
        edges = tf.einsum(
            "eij,edf,ef->ijdf", np.array(_EDGE_FILTERS, "float32"), self.edges.value, self.edge_scale.value
        )
        return plain + widened * self.narrowing_scale.value + edges

    def unmerged(self, features) -> tf.Tensor:
        """Returns what `call` does, branch by branch as [ECB] draws them; slow, for comparison."""

        def convolve(images, kernel):
            return tf.nn.conv2d(images, kernel, strides=1, padding="SAME")

        result = convolve(features, self.plain.value) + self.bias.value
        if self.is_merged:
            return result
        widened = convolve(features, self.widening.value[tf.newaxis, tf.newaxis])
        result += convolve(widened, self.narrowing.value) * self.narrowing_scale.value
        for number, edge_filter in enumerate(_EDGE_FILTERS):
            mixed = convolve(features, self.edges.value[number][tf.newaxis, tf.newaxis])
            mask = tf.tile(
                tf.constant(edge_filter, "float32")[..., tf.newaxis, tf.newaxis], [1, 1, self.filters, 1]
            )
            derived = tf.nn.depthwise_conv2d(mixed, mask, strides=[1, 1, 1, 1], padding="SAME")
            result += derived * self.edge_scale.value[number]
        return result

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "is_merged": self.is_merged,
            "starts_at_zero": self.starts_at_zero,
        }


def convolve_with_edges(x, depth: int, width: int, is_merged: bool, dtype):
    """Adds `depth` convolutions of `EdgeConv2D`, each with its activation, to a functional network.

    Args:
        x: Symbolic features `[N, h, w, D]`.
        depth: Number of convolutions.
        width: Channels of each.
        is_merged: As for `EdgeConv2D`.
        dtype: Dtype policy.

    Returns:
        Symbolic features `[N, h, w, width]`.
    """
    for number in range(depth):
        x = EdgeConv2D(width, is_merged, dtype=dtype, name=f"convolution_{number}")(x)
        x = BoundedPReLU(dtype=dtype, name=f"activation_{number}")(x)
    return x


def merge_weights(network: keras.Model, merged: keras.Model) -> None:
    """Gives a network of merged layers the weights of one with branches.

    Args:
        network: A network with `EdgeConv2D` layers.
        merged: The same network with `is_merged`, whose weights are replaced.
    """
    for layer, target in zip(network.layers, merged.layers, strict=True):
        if isinstance(layer, EdgeConv2D):
            target.set_weights([layer.merged_kernel().numpy(), layer.bias.numpy()])
        else:
            target.set_weights(layer.get_weights())


def split_weights(merged: keras.Model, network: keras.Model) -> None:
    """Gives a network with branches the result of a merged one; the inverse of `merge_weights`.

    Args:
        merged: A network with merged `EdgeConv2D` layers.
        network: The same network with branches, which keep their new weights, but for the plain kernels.
    """
    for layer, target in zip(merged.layers, network.layers, strict=True):
        if isinstance(target, EdgeConv2D):
            branches = target.merged_kernel() - target.plain.value
            target.plain.assign(layer.plain.value - branches)
            target.bias.assign(layer.bias.value)
        else:
            target.set_weights(layer.get_weights())
