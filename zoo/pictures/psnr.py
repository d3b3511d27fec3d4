"""Peak signal-to-noise ratio.

Sources:
    [SRCNN] Dong et al. 2014, arXiv 1501.00092, section 4: PSNR on 8-bit luma, borders excluded.
"""

import tensorflow as tf

MAX_PSNR = 100.0


def psnr(raw_images, other_raw_images, border: int = 0) -> tf.Tensor:
    """Returns the PSNR of each pair of pictures.

    Args:
        raw_images: Tensor `[N, h, w, C]` on the scale [0, 255].
        other_raw_images: Tensor of the same shape and scale.
        border: Width in pixels of the border to exclude on every side.

    Returns:
        float32 tensor `[N]` in dB; `MAX_PSNR` instead of infinity for equal pictures.

    Example:

    A constant error of a tenth of the range is 20 dB.

    >>> psnr(tf.zeros([1, 4, 4, 1]), tf.fill([1, 4, 4, 1], 25.5)).numpy().round(3).tolist()
    [20.0]
    """
    difference = tf.cast(raw_images, "float32") - tf.cast(other_raw_images, "float32")
    if border:
        difference = difference[:, border:-border, border:-border]
    mean_squared_error = tf.reduce_mean(tf.square(difference), axis=(1, 2, 3))
    floor = 255.0**2 / 10.0 ** (MAX_PSNR / 10.0)
    return 10.0 * tf.math.log(255.0**2 / tf.maximum(mean_squared_error, floor)) / tf.math.log(10.0)
