"""All pixel conversions in one place: `uint8` to and from a model's range, and RGB to and from luma.

Sources:
    [BT.601] ITU-R BT.601, studio swing: luma in [16, 235], as MATLAB's `rgb2ycbcr` and the
    super-resolution papers use it.
"""

import numpy as np
import tensorflow as tf

UNIT_RANGE = (0.0, 1.0)
SYMMETRIC_RANGE = (-1.0, 1.0)

# [BT.601] Rows R, G, B; columns Y, Cb, Cr; for RGB in [0, 255].
_RGB_TO_YCBCR = (
    np.array(
        [[65.481, -37.797, 112.0], [128.553, -74.203, -93.786], [24.966, 112.0, -18.214]], dtype="float64"
    )
    / 255.0
)
_YCBCR_TO_RGB = np.linalg.inv(_RGB_TO_YCBCR)
_YCBCR_OFFSET = np.array([16.0, 128.0, 128.0])


def to_model_range(raw_images, pixel_range: tuple[float, float], dtype="float32") -> tf.Tensor:
    """Scales `uint8` pictures linearly to a model's range.

    Args:
        raw_images: uint8 (or float of the same scale) tensor of any shape, range [0, 255].
        pixel_range: `UNIT_RANGE` or `SYMMETRIC_RANGE`: the values that 0 and 255 are mapped to.
        dtype: Float dtype of the result.

    Returns:
        Tensor of the same shape and of `dtype`, in `pixel_range`.

    Example:

    >>> to_model_range([[0, 255]], SYMMETRIC_RANGE).numpy().tolist()
    [[-1.0, 1.0]]
    """
    low, high = pixel_range
    images = tf.cast(raw_images, "float32") * ((high - low) / 255.0) + low
    return tf.cast(images, dtype)


def from_model_range(images, pixel_range: tuple[float, float]) -> tf.Tensor:
    """Converts pictures from a model's range to `uint8`, rounding and clipping.

    Args:
        images: Float tensor of any shape.
        pixel_range: `UNIT_RANGE` or `SYMMETRIC_RANGE`.

    Returns:
        uint8 tensor of the same shape.

    Example:

    >>> from_model_range([[-1.0, 0.0, 7.0]], SYMMETRIC_RANGE).numpy().tolist()
    [[0, 128, 255]]
    """
    low, high = pixel_range
    scaled = (tf.cast(images, "float32") - low) * (255.0 / (high - low))
    return round_to_uint8(scaled)


def round_to_uint8(images) -> tf.Tensor:
    """Rounds and clips float pictures on the scale [0, 255] to `uint8`.

    Args:
        images: Float tensor of any shape.

    Returns:
        uint8 tensor of the same shape.

    Example:

    >>> round_to_uint8([-3.0, 16.6, 300.0]).numpy().tolist()
    [0, 17, 255]
    """
    return tf.cast(tf.clip_by_value(tf.round(images), 0.0, 255.0), "uint8")


def to_luma(raw_images) -> tf.Tensor:
    """Returns the luma on which super-resolution is trained and measured.

    A single channel is used as luma unchanged: repeating it to RGB first would shift its mean.

    Args:
        raw_images: uint8 or float tensor `[..., 1 or 3]`, range [0, 255].

    Returns:
        float32 tensor `[..., 1]`, range [0, 255] for grey and [16, 235] for RGB.

    Example:

    >>> to_luma([[0, 0, 0]]).numpy().tolist(), to_luma([[7]]).numpy().tolist()
    ([[16.0]], [[7.0]])
    """
    images = tf.convert_to_tensor(raw_images)
    if images.shape[-1] == 1:
        return tf.cast(images, "float32")
    luma = tf.tensordot(tf.cast(images, "float32"), _RGB_TO_YCBCR[:, :1].astype("float32"), 1)
    return luma + float(_YCBCR_OFFSET[0])


def luma_to_rgb_differences(luma_differences) -> tf.Tensor:
    """Returns the RGB differences that change luma by given amounts and leave chroma unchanged.

    Args:
        luma_differences: float tensor `[..., P]`, differences of [BT.601] luma for P pixels, in grey levels.

    Returns:
        float32 tensor `[..., 3 * P]`: R, G and B of the first pixel, then those of the next one.

    Example:

    >>> luma_to_rgb_differences([[219.0, 0.0]]).numpy().round(2).tolist()
    [[255.0, 255.0, 255.0, 0.0, 0.0, 0.0]]
    """
    differences = tf.cast(luma_differences, "float32")
    # One matrix product: repeating each number three times would take CPUs four times as long.
    spread = np.kron(np.eye(differences.shape[-1]), _YCBCR_TO_RGB[:1])
    return tf.tensordot(differences, spread.astype("float32"), 1)


def match_channels(raw_images, channels: int) -> tf.Tensor:
    """Converts grey pictures to RGB by repetition, or RGB to grey with full-range BT.601 weights.

    Args:
        raw_images: uint8 tensor `[..., 1 or 3]`.
        channels: 1 or 3.

    Returns:
        uint8 tensor `[..., channels]`.

    Example:

    >>> match_channels(tf.constant([[10]], "uint8"), 3).numpy().tolist()
    [[10, 10, 10]]
    """
    raw_images = tf.convert_to_tensor(raw_images)
    if raw_images.shape[-1] == channels:
        return raw_images
    if channels == 3:
        return tf.repeat(raw_images, 3, axis=-1)
    weights = tf.constant([[0.299], [0.587], [0.114]])
    return round_to_uint8(tf.tensordot(tf.cast(raw_images, "float32"), weights, 1))
