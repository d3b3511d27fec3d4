"""Stacks of strided convolutions between a picture and a small feature map.

Sources:
    [DCGAN] Radford et al. 2015, arXiv 1511.06434: strides instead of pooling, batch normalisation, ReLU in
    the generator and leaky ReLU in the discriminator.
    [SN] Miyato et al. 2018, arXiv 1802.05957: spectral normalisation.
    [Odena] Odena et al. 2016, "Deconvolution and Checkerboard Artifacts": a kernel size divisible by the
    stride (4/2) avoids checkerboards.
"""

import keras

from zoo.errors import WrongUsageError
from zoo.layers.batch_norm import make_batch_norm
from zoo.layers.narrow_convolutions import NarrowConv2D
from zoo.layers.narrow_deconvolution import NarrowConv2DTranspose
from zoo.layers.strided_convolutions import KERNEL_SIZE, STRIDE, StridedConv2D, StridedConv2DTranspose

SMALLEST_BASE, LARGEST_BASE = 4, 7


def base_size(image_size: int) -> int:
    """Returns the side of the smallest feature map: `image_size` halved until it is between 4 and 7.

    Raises:
        WrongUsageError: Halving does not end between 4 and 7 (it does for 28, 32, 64, 96 and 128, not for
            100).

    Example:

    >>> base_size(28), base_size(128)
    (7, 4)
    """
    size = image_size
    while size > LARGEST_BASE and size % STRIDE == 0:
        size //= STRIDE
    if not SMALLEST_BASE <= size <= LARGEST_BASE or size == image_size:
        raise WrongUsageError(
            f"`image_size` must be {SMALLEST_BASE} to {LARGEST_BASE} times a power of two, because the "
            f"networks halve it down to a map of that size. Received: image_size={image_size}. "
            "Nearest allowed sizes: " + ", ".join(map(str, _nearest_sizes(image_size))) + "."
        )
    return size


def num_levels(image_size: int) -> int:
    """Returns how many halvings lead from `image_size` to `base_size`.

    Example:

    >>> num_levels(28), num_levels(64)
    (2, 4)
    """
    return (image_size // base_size(image_size)).bit_length() - 1


def downsample(
    images,
    *,
    image_size: int,
    width: int,
    dtype,
    batch_norm: bool,
    name: str,
    depth: int = 0,
    spectral_norm: bool = False,
):
    """Applies the layers from a picture to a flat feature vector.

    Args:
        images: Keras tensor `[N, image_size, image_size, C]`.
        image_size: Side of the picture in pixels.
        width: Channels after the first convolution; they double at each level, up to a factor of eight.
        dtype: Dtype policy of the layers.
        batch_norm: Whether to normalise after each convolution except the first.
        name: Prefix of the layers' names.
        depth: Number of 3x3 convolutions after each strided one; 0 as in [DCGAN].
        spectral_norm: Whether to divide each kernel by its largest singular value [SN]. Keras' layer
            overwrites the kernel at each step instead of dividing it in the forward pass only.

    Returns:
        Keras tensor `[N, base_size ** 2 * channels]`.
    """
    layers = keras.layers

    def convolve(x, filters, suffix, normalised, is_strided):
        options = {"use_bias": not normalised, "dtype": dtype, "name": f"{name}_conv_{suffix}"}
        if is_strided:
            convolution = StridedConv2D(filters, **options)
        else:
            convolution = layers.Conv2D(filters, 3, padding="same", **options)
        if spectral_norm:
            convolution = layers.SpectralNormalization(convolution, dtype=dtype, name=f"{name}_sn_{suffix}")
        x = convolution(x)
        if normalised:
            x = make_batch_norm(dtype=dtype, name=f"{name}_norm_{suffix}")(x)
        return layers.LeakyReLU(0.2, dtype=dtype, name=f"{name}_activation_{suffix}")(x)

    x = images
    for level in range(num_levels(image_size)):
        filters = width * min(2**level, 8)
        x = convolve(x, filters, str(level), normalised=batch_norm and level > 0, is_strided=True)
        for index in range(depth):
            x = convolve(x, filters, f"{level}_{index}", batch_norm, is_strided=False)
    return layers.Flatten(dtype=dtype, name=f"{name}_flatten")(x)


def upsample(vectors, *, image_size: int, channels: int, width: int, dtype, name: str, depth: int = 0):
    """Applies the layers from a vector to the logits of a picture.

    Args:
        vectors: Keras tensor `[N, K]`.
        image_size: Side of the picture in pixels.
        channels: Channels of the picture.
        width: Channels before the last convolution; they double at each lower level, up to a factor of eight.
        dtype: Dtype policy of the layers. The last layer is float32 under every policy.
        name: Prefix of the layers' names.
        depth: Number of 3x3 convolutions at each resolution, including the picture's own; 0 as in [DCGAN].

    Returns:
        float32 Keras tensor `[N, image_size, image_size, channels]`, unbounded.
    """
    layers = keras.layers
    base, levels = base_size(image_size), num_levels(image_size)
    widths = [width * min(2**level, 8) for level in range(levels)][::-1]
    x = layers.Dense(base * base * widths[0], use_bias=False, dtype=dtype, name=f"{name}_dense")(vectors)
    x = make_batch_norm(dtype=dtype, name=f"{name}_norm_0")(x)
    x = layers.ReLU(dtype=dtype, name=f"{name}_activation_0")(x)
    x = layers.Reshape((base, base, widths[0]), dtype=dtype, name=f"{name}_reshape")(x)

    def normalise(x, suffix):
        x = make_batch_norm(dtype=dtype, name=f"{name}_norm_{suffix}")(x)
        return layers.ReLU(dtype=dtype, name=f"{name}_activation_{suffix}")(x)

    def refine(x, filters, level):
        for index in range(depth):
            x = layers.Conv2D(
                filters,
                3,
                padding="same",
                use_bias=False,
                dtype=dtype,
                name=f"{name}_conv_{level}_{index}",
            )(x)
            x = normalise(x, f"{level}_{index}")
        return x

    x = refine(x, widths[0], 0)
    # Without further convolutions the last upsampling draws the picture.
    for level, level_width in enumerate([*widths[1:], *([max(width // 2, 1)] if depth else [])], start=1):
        x = StridedConv2DTranspose(level_width, use_bias=False, dtype=dtype, name=f"{name}_conv_{level}")(x)
        x = refine(normalise(x, str(level)), level_width, level)
    if depth:
        return NarrowConv2D(channels, 3, padding="same", name=f"{name}_picture")(x)
    return NarrowConv2DTranspose(channels, KERNEL_SIZE, STRIDE, name=f"{name}_conv_{levels}")(x)


def _nearest_sizes(image_size: int) -> list[int]:
    most_levels = max(image_size, 1).bit_length()
    allowed = [
        base * 2**levels
        for base in range(SMALLEST_BASE, LARGEST_BASE + 1)
        for levels in range(1, most_levels + 1)
    ]
    below = [size for size in allowed if size < image_size]
    above = [size for size in allowed if size > image_size]
    return ([max(below)] if below else []) + ([min(above)] if above else [])
