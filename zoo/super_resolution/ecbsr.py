"""ECBSR: enlarges pictures with plain 3x3 convolutions that were trained as several branches.

Sources:
    [ECBSR] Zhang et al. 2021, "Edge-oriented Convolution Block for Real-time Super Resolution on Mobile
    Devices", ACM Multimedia, section 3.
    [OREPA] As in `zoo/layers/edge_convolution.py`.
"""

import keras
import tensorflow as tf

from zoo.hyperparameters import Count, UpscaleFactor
from zoo.layers.edge_convolution import EdgeConv2D, convolve_with_edges, merge_weights, split_weights
from zoo.super_resolution.super_resolution import SuperResolution

# The fastest of 2^16 to 2^20 on two processors.
MAX_TILE_PIXELS = 1 << 18


@keras.saving.register_keras_serializable("zoo")
class ECBSR(SuperResolution):
    """Enlarges pictures by 2, 3 or 4 with plain 3x3 convolutions in low resolution and a pixel shuffle.

    Use it for photos: it is better than `SRCNN` and `FSRCNN`, and faster than `SRCNN`. By default luma goes
    through the network and colour is enlarged by bicubic interpolation.

    Departures from [ECBSR]: details are added to the bicubic picture instead of the repeated pixels; the
    branches are merged in every training step, too ([OREPA]).

    Args:
        upscale_factor: Factor of enlargement: 2, 3 or 4.
        depth: Number of hidden convolutions.
        width: Channels of each.
        colour_space: The network's input: `luma`, with colour enlarged by bicubic interpolation, or `rgb`.
        is_merged: Whether the network holds the sum of each convolution's branches alone, as presets do.
        dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default.

    Call arguments:
        raw_images: uint8 tensor `[N, h, w, 1 or 3]`, any h and w from 1; 3 channels for `rgb`.

    Returns:
        float32 tensor `[N, upscale_factor * h, upscale_factor * w, 1 or 3]` on the scale [0, 255], neither
        rounded nor clipped: luma, or RGB where the colour space is `rgb`.

    Raises:
        ValueError: `upscale_factor` is not 2, 3 or 4.
        UnknownNameError: The colour space is unknown.

    Example:

    >>> ECBSR(upscale_factor=3)(keras.ops.zeros([1, 5, 7, 3], "uint8")).shape.as_list()
    [1, 15, 21, 1]
    """

    def __init__(
        self,
        upscale_factor: UpscaleFactor = 2,
        depth: Count = 10,
        width: Count = 32,
        colour_space: str = "luma",
        is_merged: bool = False,
        dtype=None,
        name: str = "ecbsr",
        **kwargs,
    ):
        super().__init__(
            upscale_factor=upscale_factor,
            is_residual=True,
            colour_space=colour_space,
            reach=depth + 2,
            max_tile_pixels=MAX_TILE_PIXELS,
            dtype=dtype,
            name=name,
            **kwargs,
        )
        self.depth = depth
        self.width = width
        self.is_merged = is_merged
        self.network = self._build_network()
        self.built = True

    def find_details(self, images, interpolated):
        return 255.0 * tf.cast(self.network(images / 255.0), "float32")

    def merged(self) -> "ECBSR":
        """Returns a model with the same result and the sum of each convolution's branches alone."""
        model = type(self).from_config({**self.get_config(), "is_merged": True})
        merge_weights(self.network, model.network)
        return model

    def unmerged(self) -> "ECBSR":
        """Returns a model with the same result and branches again, to train it further."""
        if not self.is_merged:
            return self
        model = type(self).from_config({**self.get_config(), "is_merged": False})
        split_weights(self.network, model.network)
        return model

    def find_loss(self, targets, upscaled):
        """Returns the mean absolute error on the scale [0, 1] ([ECBSR] section 4.1)."""
        return tf.reduce_mean(tf.abs(targets - upscaled)) / 255.0

    def get_config(self):
        config = super().get_config()
        del config["is_residual"]  # always
        return {**config, "depth": self.depth, "width": self.width, "is_merged": self.is_merged}

    def _build_network(self) -> keras.Model:
        images = keras.Input((None, None, self.channels), name="images")
        x = convolve_with_edges(images, self.depth + 1, self.width, self.is_merged, self.dtype_policy)
        subpixels = EdgeConv2D(
            self.channels * self.upscale_factor**2, self.is_merged, True, dtype="float32", name="subpixels"
        )(x)
        return keras.Model(images, subpixels, name="network")
