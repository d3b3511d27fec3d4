"""Structural similarity and mean absolute error between pairs of pictures.

Sources:
    [SSIM] Wang et al. 2004, "Image Quality Assessment: From Error Visibility to Structural Similarity":
    Gaussian windows of 11 pixels, sigma 1.5, K1 = 0.01, K2 = 0.03.
"""

import tensorflow as tf

WINDOW_SIDE = 11


def ssim(raw_images, other_raw_images) -> tf.Tensor:
    """Returns each pair's SSIM, the mean over channels.

    Args:
        raw_images: Tensor `[N, h, w, C]` on the scale [0, 255].
        other_raw_images: Tensor of the same shape and scale.

    Returns:
        float32 tensor `[N]`, at most 1; equal pictures have 1.

    Raises:
        ValueError: A side has fewer than 11 pixels.

    Example:

    Constant pictures differ only in luminance: [SSIM] eq. 6, `(2 a b + C1) / (a^2 + b^2 + C1)`.

    >>> grey, darker = tf.fill([1, 16, 16, 1], 100.0), tf.fill([1, 16, 16, 1], 50.0)
    >>> [round(float(ssim(grey, other)[0]), 3) for other in (grey, darker)]
    [1.0, 0.8]
    """
    images, other_images = (tf.cast(part, "float32") for part in (raw_images, other_raw_images))
    if min(images.shape[1:3]) < WINDOW_SIDE:
        raise ValueError(
            f"Pictures must have at least {WINDOW_SIDE} pixels a side, because SSIM compares windows of that "
            f"size. Received: shape={tuple(images.shape)}. Choose larger pictures."
        )
    return tf.image.ssim(images, other_images, max_val=255.0)


def mean_absolute_error(raw_images, other_raw_images) -> tf.Tensor:
    """Returns each pair's mean absolute difference.

    Args:
        raw_images: Tensor `[N, h, w, C]` on the scale [0, 255].
        other_raw_images: Tensor of the same shape and scale.

    Returns:
        float32 tensor `[N]` in grey levels of [0, 255].

    Example:

    >>> mean_absolute_error(tf.zeros([1, 4, 4, 1]), tf.fill([1, 4, 4, 1], 25.5)).numpy().tolist()
    [25.5]
    """
    difference = tf.cast(raw_images, "float32") - tf.cast(other_raw_images, "float32")
    return tf.reduce_mean(tf.abs(difference), axis=(1, 2, 3))
