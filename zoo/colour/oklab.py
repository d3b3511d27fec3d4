"""Converts sRGB tensors to OKLab and back; in OKLab equal distances look about equally large.

Sources:
    [OKLab] Ottosson 2020, "A perceptual color space for image processing".
    [sRGB] IEC 61966-2-1:1999.
"""

import numpy as np
import tensorflow as tf

_RGB_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LMS_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_LAB_TO_LMS, _LMS_TO_RGB = np.linalg.inv(_LMS_TO_LAB), np.linalg.inv(_RGB_TO_LMS)
_BYTES = np.arange(256) / 255.0
_LINEAR = np.where(_BYTES <= 0.04045, _BYTES / 12.92, ((_BYTES + 0.055) / 1.055) ** 2.4)


def to_oklab(raw_images) -> tf.Tensor:
    """Converts sRGB bytes to OKLab.

    Args:
        raw_images: uint8 tensor `[..., 3]`.

    Returns:
        float32 tensor `[..., 3]`: lightness in [0, 1], then green to red and blue to yellow, each about
        [-0.3, 0.3].

    Example:

    >>> to_oklab(tf.constant([255, 255, 255], "uint8")).numpy().round(2).tolist()[0]
    1.0
    """
    # A table look-up: powers of every pixel cost more than all else here.
    linear = tf.gather(tf.constant(_LINEAR, "float32"), tf.cast(raw_images, "int32"))
    cones = tf.pow(tf.tensordot(linear, tf.constant(_RGB_TO_LMS.T, "float32"), 1), 1.0 / 3.0)
    return tf.tensordot(cones, tf.constant(_LMS_TO_LAB.T, "float32"), 1)


def from_oklab(lab) -> tf.Tensor:
    """Converts OKLab to sRGB on the scale [0, 255], clipped and not rounded.

    Args:
        lab: float32 tensor `[..., 3]`.

    Returns:
        float32 tensor `[..., 3]`.

    Example:

    >>> from_oklab(to_oklab(tf.constant([201, 32, 43], "uint8"))).numpy().round().tolist()
    [201.0, 32.0, 43.0]
    """
    cones = tf.tensordot(lab, tf.constant(_LAB_TO_LMS.T, "float32"), 1)
    linear = tf.tensordot(cones * cones * cones, tf.constant(_LMS_TO_RGB.T, "float32"), 1)
    linear = tf.clip_by_value(linear, 0.0, 1.0)
    curve = 1.055 * tf.pow(tf.maximum(linear, 1e-8), 1.0 / 2.4) - 0.055
    return 255.0 * tf.where(linear <= 0.0031308, 12.92 * linear, curve)
