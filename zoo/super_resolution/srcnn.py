"""SRCNN: enlarges pictures with three convolutions.

Sources:
    [SRCNN] Dong et al. 2014, "Image Super-Resolution Using Deep Convolutional Networks", arXiv 1501.00092.
"""

import keras

from zoo.errors import UnknownNameError
from zoo.hyperparameters import UpscaleFactor
from zoo.layers.narrow_convolutions import NarrowConv2D
from zoo.layers.subpixels import BICUBIC_RADIUS, from_picture, to_picture
from zoo.super_resolution.super_resolution import SuperResolution, pad_by_repeating

# [SRCNN] section 4.3.2: kernel sizes of patch extraction, non-linear mapping and reconstruction.
KERNEL_SIZES = {"9-1-5": (9, 1, 5), "9-3-5": (9, 3, 5), "9-5-5": (9, 5, 5)}
NUM_FILTERS = (64, 32)
# The 96 feature maps of half a million pixels take about 200 MB.
MAX_TILE_PIXELS = 1 << 19


@keras.saving.register_keras_serializable("zoo")
class SRCNN(SuperResolution):
    """Enlarges pictures by 2, 3 or 4: bicubic interpolation, then three convolutions.

    Use it as the published baseline of super-resolution. By default luma goes through the network and colour
    is enlarged by bicubic interpolation, as in [SRCNN] section 4.3.3 ("Y only").

    Departures from [SRCNN]: pictures are padded by repeating their edge before the unpadded convolutions,
    which gives the result its full size; training uses Adam and Glorot initialisation instead of plain
    gradient descent from tiny Gaussians, which needs 10^8 steps. With `is_residual` the network adds to the
    bicubic picture instead of replacing it, which [SRCNN] does not do.

    Args:
        upscale_factor: Factor of enlargement: 2, 3 or 4.
        kernels: "9-1-5", "9-3-5" or "9-5-5", in increasing order of weights, quality and running time.
        is_residual: Whether the network predicts the difference from the bicubic picture.
        colour_space: The network's input: `luma`, with colour enlarged by bicubic interpolation, or `rgb`
            ([SRCNN] section 4.5).
        dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default.

    Call arguments:
        raw_images: uint8 tensor `[N, h, w, 1 or 3]`, any h and w from 1; 3 channels for `rgb`.

    Returns:
        float32 tensor `[N, upscale_factor * h, upscale_factor * w, 1 or 3]` on the scale [0, 255], neither
        rounded nor clipped: luma, or RGB where the colour space is `rgb`.

    Raises:
        ValueError: `upscale_factor` is not 2, 3 or 4.
        UnknownNameError: The kernels or the colour space are unknown.

    Example:

    >>> SRCNN(upscale_factor=3)(keras.ops.zeros([1, 5, 7, 3], "uint8")).shape.as_list()
    [1, 15, 21, 1]
    """

    def __init__(
        self,
        upscale_factor: UpscaleFactor = 2,
        kernels: str = "9-1-5",
        is_residual: bool = False,
        colour_space: str = "luma",
        dtype=None,
        name: str = "srcnn",
        **kwargs,
    ):
        if kernels not in KERNEL_SIZES:
            raise UnknownNameError("SRCNN kernels", kernels, KERNEL_SIZES)
        # Pixels of the result that the unpadded convolutions lose on each side.
        margin = sum(size // 2 for size in KERNEL_SIZES[kernels])
        super().__init__(
            upscale_factor=upscale_factor,
            is_residual=is_residual,
            colour_space=colour_space,
            reach=-(-margin // max(upscale_factor, 1)) + BICUBIC_RADIUS,
            max_tile_pixels=MAX_TILE_PIXELS,
            dtype=dtype,
            name=name,
            **kwargs,
        )
        self.kernels = kernels
        self.margin = margin
        self.network = self._build_network()
        self.built = True

    def find_details(self, images, interpolated):
        enlarged = to_picture(interpolated, self.upscale_factor) / 255.0
        refined = self.network(pad_by_repeating(enlarged, self.margin))
        details = refined if self.is_residual else refined - enlarged
        return 255.0 * from_picture(details, self.upscale_factor)

    def get_config(self):
        return {**super().get_config(), "kernels": self.kernels}

    def _build_network(self) -> keras.Model:
        sizes = KERNEL_SIZES[self.kernels]
        layers = keras.layers
        images = keras.Input((None, None, self.channels), name="images")
        x = layers.Conv2D(
            NUM_FILTERS[0], sizes[0], activation="relu", dtype=self.dtype_policy, name="patch_extraction"
        )(images)
        x = layers.Conv2D(
            NUM_FILTERS[1], sizes[1], activation="relu", dtype=self.dtype_policy, name="non_linear_mapping"
        )(x)
        refined = NarrowConv2D(self.channels, sizes[2], name="reconstruction")(x)
        return keras.Model(images, refined, name="network")
