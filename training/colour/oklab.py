"""Converts sRGB pixels to OKLab, a colour space in which equal distances look equally large.

Sources:
    [OKLab] Ottosson 2020, "A perceptual color space for image processing".
    [sRGB] IEC 61966-2-1:1999.
"""

import numpy as np

_LINEAR = np.arange(256) / 255.0
_LINEAR = np.where(_LINEAR <= 0.04045, _LINEAR / 12.92, ((_LINEAR + 0.055) / 1.055) ** 2.4).astype("float32")

_RGB_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    "float32",
)
_LMS_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    "float32",
)


def to_linear(raw_image: np.ndarray) -> np.ndarray:
    """Converts sRGB values to linear light, undoing the gamma.

    Args:
        raw_image: uint8 array of any shape.

    Returns:
        float32 array of the same shape, range [0, 1].

    Example:

    >>> to_linear(np.array([0, 188, 255], "uint8")).round(1).tolist()
    [0.0, 0.5, 1.0]
    """
    return _LINEAR[raw_image]


def to_oklab(linear: np.ndarray) -> np.ndarray:
    """Converts linear RGB to OKLab.

    Args:
        linear: float array `[..., 3]`, range [0, 1].

    Returns:
        float32 array `[..., 3]`: lightness in [0, 1], then green to red and blue to yellow, each about
        [-0.3, 0.3].

    Example:

    >>> to_oklab(np.ones(3, "float32")).round(2).tolist()[0]
    1.0
    """
    cones = np.cbrt(np.maximum(linear, 0) @ _RGB_TO_LMS.T)
    return (cones @ _LMS_TO_LAB.T).astype("float32")
