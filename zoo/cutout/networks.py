"""The network that says which pixels show the product.

Sources:
    [U-Net] Ronneberger et al. 2015, arXiv 1505.04597: an encoder, and a decoder that sees its features.
    [ResNet] He et al. 2015, arXiv 1512.03385: blocks of two convolutions beside a shortcut.
    [DeepLab] Chen et al. 2017, arXiv 1706.05587: dilated convolutions and the whole picture's mean at the
        lowest resolution.
"""

import keras

from zoo.layers.batch_norm import make_batch_norm

# Halvings from the picture to the smallest feature map.
NUM_HALVINGS = 4
# Blocks at an eighth and a sixteenth of the resolution, where most of what must be known fits.
MIDDLE_BLOCKS = 2
DILATIONS = (1, 2, 4, 1)
BATCH_NORM_MOMENTUM = 0.95


def build_mask_network(image_size: int, width: int, dtype) -> keras.Model:
    """Builds a U-Net whose logits have half the picture's resolution.

    Args:
        image_size: Side S of the square pictures in pixels, a multiple of 16.
        width: Channels at half the resolution; below there are two, four and six times as many.
        dtype: Dtype policy.

    Returns:
        Model from float `[N, S, S, 3]` to float32 logits `[N, S / 2, S / 2, 1]`.
    """
    images = keras.Input((image_size, image_size, 3), name="images")
    block = _Blocks(dtype)
    half = block.convolve(images, width, stride=2, name="half")
    quarter = block.convolve(half, 2 * width, stride=2, name="quarter")
    quarter = block.residual(quarter, name="quarter_0")
    x = block.convolve(quarter, 4 * width, stride=2, name="eighth")
    for index in range(MIDDLE_BLOCKS):
        x = block.residual(x, name=f"eighth_{index}")
    eighth = x
    x = block.convolve(x, 6 * width, stride=2, name="sixteenth")
    for index, dilation in enumerate(DILATIONS):
        x = block.residual(x, dilation=dilation, name=f"sixteenth_{index}")
    x = block.add_mean(x, name="whole")
    for skip, channels, name in (
        (eighth, 3 * width, "up_eighth"),
        (quarter, 2 * width, "up_quarter"),
        (half, width, "up_half"),
    ):
        x = block.convolve(x, channels, kernel_size=1, name=f"{name}_narrow")
        x = keras.layers.UpSampling2D(interpolation="bilinear", dtype=dtype, name=f"{name}_sampling")(x)
        x = keras.layers.Concatenate(dtype=dtype, name=f"{name}_skip")([x, skip])
        x = block.convolve(x, channels, name=f"{name}_0")
        x = block.convolve(x, channels, name=f"{name}_1")
    logits = keras.layers.Conv2D(1, 3, padding="same", dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="mask_network")


class _Blocks:
    def __init__(self, dtype):
        self._dtype = dtype

    def convolve(self, x, channels: int, kernel_size: int = 3, stride: int = 1, dilation: int = 1, *, name):
        x = self._normalise(x, channels, kernel_size, stride, dilation, name)
        return keras.layers.ReLU(dtype=self._dtype, name=f"{name}_activation")(x)

    def residual(self, x, dilation: int = 1, *, name: str):
        """[ResNet] figure 2."""
        channels = x.shape[-1]
        change = self.convolve(x, channels, dilation=dilation, name=f"{name}_a")
        change = self._normalise(change, channels, 3, 1, dilation, f"{name}_b")
        x = keras.layers.Add(dtype=self._dtype, name=f"{name}_sum")([x, change])
        return keras.layers.ReLU(dtype=self._dtype, name=f"{name}_activation")(x)

    def add_mean(self, x, *, name: str):
        """Adds what the whole picture says, the same at every place [DeepLab]."""
        mean = keras.layers.GlobalAveragePooling2D(keepdims=True, dtype=self._dtype, name=f"{name}_mean")(x)
        mean = keras.layers.Conv2D(x.shape[-1], 1, dtype=self._dtype, name=f"{name}_conv")(mean)
        x = keras.layers.Add(dtype=self._dtype, name=f"{name}_sum")([x, mean])
        return keras.layers.ReLU(dtype=self._dtype, name=f"{name}_activation")(x)

    def _normalise(self, x, channels, kernel_size, stride, dilation, name):
        x = keras.layers.Conv2D(
            channels,
            kernel_size,
            strides=stride,
            dilation_rate=dilation,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            dtype=self._dtype,
            name=f"{name}_conv",
        )(x)
        return make_batch_norm(momentum=BATCH_NORM_MOMENTUM, dtype=self._dtype, name=f"{name}_norm")(x)
