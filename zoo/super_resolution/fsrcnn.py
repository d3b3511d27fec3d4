"""FSRCNN: enlarges pictures with convolutions in low resolution and a final deconvolution.

Sources:
    [FSRCNN] Dong et al. 2016, "Accelerating the Super-Resolution Convolutional Neural Network", arXiv
    1608.00367.
"""

import keras

from zoo.hyperparameters import UpscaleFactor
from zoo.layers.bounded_prelu import BoundedPReLU
from zoo.layers.subpixels import Deconvolution
from zoo.super_resolution.super_resolution import SuperResolution, pad_by_repeating

# [FSRCNN] section 3.2: d features, s of them after shrinking, m mapping layers; FSRCNN (56, 12, 4).
NUM_FEATURES, NUM_SHRUNK, NUM_MAPPINGS = 56, 12, 4
EXTRACTION_SIZE, MAPPING_SIZE, DECONVOLUTION_SIZE = 5, 3, 9
# The fastest of 2^16 to 2^23 on two processors; larger tiles exceed the cache, smaller ones overlap more.
MAX_TILE_PIXELS = 1 << 19


@keras.saving.register_keras_serializable("zoo")
class FSRCNN(SuperResolution):
    """Enlarges pictures by 2, 3 or 4 with eight layers, all but the last one in low resolution.

    Use it where speed matters: it is better than `SRCNN` and many times as fast. By default luma goes through
    the network and colour is enlarged by bicubic interpolation.

    Departures from [FSRCNN]: pictures are padded by repeating their edge before unpadded convolutions;
    slopes of negative features are at most 1 (`BoundedPReLU`); the deconvolution is computed as a convolution
    in low resolution (`zoo.layers.subpixels.Deconvolution`, with the same weights and the same result);
    training uses Adam instead of gradient descent with momentum. With `is_residual` the network adds to the
    bicubic picture, which [FSRCNN] does not do: there the deconvolution has to learn interpolation, too.

    Args:
        upscale_factor: Factor of enlargement: 2, 3 or 4.
        is_residual: Whether the network predicts the difference from the bicubic picture.
        colour_space: The network's input: `luma`, with colour enlarged by bicubic interpolation, or `rgb`.
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

    >>> FSRCNN(upscale_factor=3)(keras.ops.zeros([1, 5, 7, 3], "uint8")).shape.as_list()
    [1, 15, 21, 1]
    """

    def __init__(
        self,
        upscale_factor: UpscaleFactor = 2,
        is_residual: bool = True,
        colour_space: str = "luma",
        dtype=None,
        name: str = "fsrcnn",
        **kwargs,
    ):
        deconvolution_margin = -(-(DECONVOLUTION_SIZE // 2) // max(upscale_factor, 1))
        convolution_margin = EXTRACTION_SIZE // 2 + NUM_MAPPINGS * (MAPPING_SIZE // 2)
        super().__init__(
            upscale_factor=upscale_factor,
            is_residual=is_residual,
            colour_space=colour_space,
            reach=convolution_margin + deconvolution_margin,
            max_tile_pixels=MAX_TILE_PIXELS,
            dtype=dtype,
            name=name,
            **kwargs,
        )
        self.network = self._build_network()
        # Low-res pixels that the unpadded convolutions lose on each side.
        self.margin = convolution_margin + self.network.get_layer("deconvolution").margin
        self.built = True

    def find_details(self, images, interpolated):
        details = 255.0 * self.network(pad_by_repeating(images / 255.0, self.margin))
        return details if self.is_residual else details - interpolated

    def _build_network(self) -> keras.Model:
        images = keras.Input((None, None, self.channels), name="images")
        x = self._convolve(images, NUM_FEATURES, EXTRACTION_SIZE, "feature_extraction")
        x = self._convolve(x, NUM_SHRUNK, 1, "shrinking")
        for number in range(NUM_MAPPINGS):
            x = self._convolve(x, NUM_SHRUNK, MAPPING_SIZE, f"mapping_{number}")
        x = self._convolve(x, NUM_FEATURES, 1, "expanding")
        subpixels = Deconvolution(
            self.channels,
            DECONVOLUTION_SIZE,
            self.upscale_factor,
            # [FSRCNN] section 4.1
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
            dtype="float32",
            name="deconvolution",
        )(x)
        return keras.Model(images, subpixels, name="network")

    def _convolve(self, x, filters: int, size: int, name: str):
        x = keras.layers.Conv2D(
            filters, size, kernel_initializer="he_normal", dtype=self.dtype_policy, name=name
        )(x)
        return BoundedPReLU(dtype=self.dtype_policy, name=f"{name}_activation")(x)
