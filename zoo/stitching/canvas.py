"""The canvas on which photos are laid: its place and size, and photos warped onto parts of it."""

from typing import NamedTuple

import tensorflow as tf

from zoo.pictures.limits import MAX_PIXELS
from zoo.pictures.resize import bicubic

# A photo is resized to this multiple of its size on the canvas, so that linear interpolation then loses
# hardly anything, unless it had more pixels than this.
_FINENESS, _MOST_PIXELS = 2.0, 60e6
# How much larger or smaller a photo may appear on the canvas, along a side: photos may differ in resolution.
_LARGEST_SCALE = 32.0
# From this multiple of its own size on it is doubled instead.
_LEAST_FACTOR = 1.5


class Window(NamedTuple):
    """A part of the plane that photos lie in.

    Args:
        top: int32 scalar: y of its first row.
        left: int32 scalar: x of its first column.
        height: int32 scalar.
        width: int32 scalar.
    """

    top: tf.Tensor
    left: tf.Tensor
    height: tf.Tensor
    width: tf.Tensor


def cover(homographies, sizes) -> Window:
    """Returns the smallest window that holds all photos.

    Args:
        homographies: float32 tensor `[K, 3, 3]`: takes points of each photo to the plane.
        sizes: int32 tensor `[K, 2]`: height and width of each photo.
    """
    corners, _ = _map_corners(homographies, sizes)
    limit = float(2**30)
    corners = tf.clip_by_value(corners, -limit, limit)
    # Centres of pixels that are no further than rounding from whole numbers.
    low = tf.cast(tf.floor(tf.reduce_min(corners, [0, 1]) + 0.01), "int32")
    high = tf.cast(tf.math.ceil(tf.reduce_max(corners, [0, 1]) - 0.01), "int32")
    size = tf.maximum(high - low + 1, 1)
    return Window(low[1], low[0], size[1], size[0])


def find_error(homographies, sizes):
    """Returns what is wrong with homographies, a string scalar: `""` if nothing is."""
    corners, depths = _map_corners(homographies, sizes)
    areas = _areas_at_corners(homographies, sizes)
    is_finite = tf.reduce_all(tf.math.is_finite(homographies)) & tf.reduce_all(tf.math.is_finite(corners))
    is_before = tf.reduce_all(depths * depths[:, :1] > 0)
    is_unmirrored = tf.reduce_all(areas > 0)
    limit = _LARGEST_SCALE**2
    is_in_scale = tf.reduce_all((areas < limit) & (areas > 1 / limit))
    extent = tf.reduce_max(corners, [0, 1]) - tf.reduce_min(corners, [0, 1]) + 1
    is_in_memory = extent[0] * extent[1] <= float(MAX_PIXELS)
    message = (
        "Homographies must lay all photos on one canvas of at most "
        f"{MAX_PIXELS // 10**6} megapixels, none of them mirrored, cut by the horizon, or enlarged or "
        f"reduced more than {_LARGEST_SCALE:g} times. Received: "
    )
    reason = tf.where(
        ~is_finite,
        "numbers that are not finite.",
        tf.where(
            ~is_before,
            "a photo that is cut by the horizon.",
            tf.where(
                ~is_unmirrored,
                "a photo that is mirrored.",
                tf.where(~is_in_scale, "a photo that is enlarged or reduced more.", "a larger canvas."),
            ),
        ),
    )
    is_good = is_finite & is_before & is_unmirrored & is_in_scale & is_in_memory
    return tf.where(is_good, "", message + reason)


def warp(raw_image, homography, window: Window):
    """Shows a photo in a window of the plane.

    Args:
        raw_image: uint8 tensor `[h, w, C]`.
        homography: float32 tensor `[3, 3]`: takes points of the photo to the plane.
        window: The window.

    Returns:
        float32 tensor `[window.height, window.width, C]` on the scale 0 to 255, in which the photo's edges go
        on outside of it; and the photo's coverage, bool `[window.height, window.width]`.
    """
    fine, to_photo = _resize_to_fineness(raw_image, homography)
    warped = _project(fine, homography @ to_photo, window, "BILINEAR", "NEAREST")
    return tf.clip_by_value(warped, 0.0, 255.0), find_coverage(tf.shape(raw_image)[:2], homography, window)


def find_coverage(size, homography, window: Window):
    """Returns which points of a window a photo of a size, int32 `[2]`, covers: bool `[height, width]`."""
    whole = tf.ones(tf.stack([size[0], size[1], 1]))
    return _project(whole, homography, window, "NEAREST", "CONSTANT")[..., 0] > 0.5


def _resize_to_fineness(raw_image, homography):
    """Returns the photo as fine as the canvas needs it, and the matrix from its points to the photo's."""
    size = tf.shape(raw_image)[:2]
    area = tf.reduce_max(_areas_at_corners(homography[tf.newaxis], size[tf.newaxis]))
    factor = _FINENESS * tf.sqrt(area)
    is_small = tf.reduce_prod(tf.cast(size, "float32")) * _FINENESS**2 <= _MOST_PIXELS

    def double():
        # Pixels stay what they are, and one is put between each two: unmoved photos return unchanged.
        doubled = tf.raw_ops.ResizeBicubic(
            images=raw_image[tf.newaxis], size=2 * size - 1, align_corners=True
        )
        return doubled[0], tf.linalg.diag([0.5, 0.5, 1.0])

    def keep():
        return tf.cast(raw_image, "float32"), tf.eye(3)

    def shrink():
        new_size = tf.maximum(tf.cast(tf.round(tf.cast(size, "float32") * factor), "int32"), 1)
        ratio = tf.cast(size, "float32") / tf.cast(new_size, "float32")
        offset = (ratio - 1) / 2
        to_photo = tf.stack([[ratio[1], 0.0, offset[1]], [0.0, ratio[0], offset[0]], [0.0, 0.0, 1.0]])
        return bicubic(raw_image, new_size[0], new_size[1]), to_photo

    return tf.cond(factor < _LEAST_FACTOR, shrink, lambda: tf.cond(is_small, double, keep))


def _project(image, homography, window, interpolation, fill_mode):
    to_image = tf.linalg.inv(homography) @ _shift(window.left, window.top)
    to_image = to_image / to_image[2, 2]
    projected = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[tf.newaxis],
        transforms=tf.reshape(to_image, [1, 9])[:, :8],
        output_shape=tf.stack([window.height, window.width]),
        fill_value=0.0,
        interpolation=interpolation,
        fill_mode=fill_mode,
    )
    return projected[0]


def _shift(x, y):
    x, y = tf.cast(x, "float32"), tf.cast(y, "float32")
    zero, one = tf.zeros([]), tf.ones([])
    return tf.stack([tf.stack([one, zero, x]), tf.stack([zero, one, y]), tf.stack([zero, zero, one])])


def _corners(sizes):
    """Returns the centres of the corner pixels, float32 `[K, 4, 3]`."""
    ends = tf.cast(sizes - 1, "float32")
    zeros, ones = tf.zeros_like(ends[:, 0]), tf.ones_like(ends[:, 0])
    bottom, right = ends[:, 0], ends[:, 1]
    points = [(zeros, zeros), (right, zeros), (right, bottom), (zeros, bottom)]
    return tf.stack([tf.stack([x, y, ones], axis=1) for x, y in points], axis=1)


def _map_corners(homographies, sizes):
    mapped = tf.matmul(_corners(sizes), homographies, transpose_b=True)
    return mapped[..., :2] / mapped[..., 2:], mapped[..., 2]


def _areas_at_corners(homographies, sizes):
    """Returns how much a photo's area grows at each corner, `[K, 4]`; negative where it is mirrored."""
    _, depths = _map_corners(homographies, sizes)
    return tf.linalg.det(homographies)[:, tf.newaxis] / depths**3
