"""Composes one picture of several photos that overlap, once it is known how they lie.

Sources:
    [BrownLowe] Brown & Lowe 2007, "Automatic Panoramic Image Stitching using Invariant Features": gains,
        then multi-band blending.
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import UnknownNameError
from zoo.stitching import bands
from zoo.stitching.canvas import Window, cover, find_coverage, find_error, warp
from zoo.stitching.exposure import find_gains
from zoo.stitching.seams import find_arrivals, find_depths

# How photos become one: at a seam without any change; by weights that fall towards their edges; band by band.
BLENDS = ("none", "feather", "multiband")
# Exposure and seams are found on a canvas reduced to this many points along its longer side.
_GRID_SIDE = 192
# What a canvas shows where there is no photo.
_EMPTY = 255.0


@keras.saving.register_keras_serializable("zoo")
class Stitcher(keras.Model):
    """Composes photos of the same thing into one picture.

    It learns nothing. `zoo.stitching.alignment.align` finds the homographies. One photo at a time is held at
    its full size, so that memory follows the canvas and not the number of photos.

    Args:
        dtype: Dtype policy, as every model takes it; pictures are composed in float32 under each.

    Example:

    ```python
    alignment = align([view_photo(raw_image) for raw_image in raw_images])
    used = [raw_images[index] for index in alignment.order]
    picture, mask = Stitcher().stitch(used, alignment.homographies)
    ```
    """

    def stitch(
        self, raw_images: Sequence[np.ndarray], homographies: np.ndarray, blend: str = "multiband"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Composes photos.

        Args:
            raw_images: uint8 arrays `[h, w, 3]`, of any sizes; the first sets the exposure.
            homographies: float array `[K, 3, 3]`: takes points of each photo to a common plane, in which
                pixels have whole numbers.
            blend: One of `BLENDS`.

        Returns:
            The picture, uint8 `[H, W, 3]`, white where no photo is; and where one is, bool `[H, W]`.

        Raises:
            UnknownNameError: There is no such blend.
            ValueError: The homographies bend or mirror a photo, or need too large a canvas.
        """
        if blend not in BLENDS:
            raise UnknownNameError("blend", blend, BLENDS)
        photos = [tf.convert_to_tensor(raw_image, "uint8") for raw_image in raw_images]
        sizes = tf.constant([photo.shape[:2] for photo in photos], "int32")
        matrices = tf.cast(tf.convert_to_tensor(homographies), "float32")
        error = find_error(matrices, sizes).numpy().decode()
        if error:
            raise ValueError(error)
        picture, mask = self.compose(lambda index: photos[int(index)], sizes, matrices, blend)
        return picture.numpy(), mask.numpy()

    def compose(self, read: Callable, sizes, homographies, blend):
        """Composes photos that are read when they are needed, twice each.

        Args:
            read: Maps a photo's index, an int32 scalar, to its uint8 tensor `[h, w, 3]`.
            sizes: int32 tensor `[K, 2]`: height and width of each photo.
            homographies: float32 tensor `[K, 3, 3]`, of which `find_error` finds no fault.
            blend: String scalar, one of `BLENDS`.

        Returns:
            uint8 tensor `[H, W, 3]` and bool tensor `[H, W]`, as of `stitch`.
        """
        canvas = cover(homographies, sizes)
        gains, depths, arrivals = self._survey(read, homographies, canvas)
        has_seams = tf.not_equal(blend, "feather")
        owners, mask = _find_owners(sizes, homographies, canvas, arrivals)
        gains = tf.where(tf.equal(blend, "none"), tf.ones_like(gains), gains)

        def weigh(index, window, covered):
            """Returns what share a photo has of each point of a window."""

            def own():
                return tf.cast(tf.equal(_part_of(owners, canvas, window), index) & covered, "float32")

            def feather():
                depth = _enlarge_part(depths[index], canvas, window)
                return tf.where(covered, tf.maximum(depth, 1e-2), 0.0)

            return tf.cond(has_seams, own, feather)[..., tf.newaxis]

        def blend_with(num_levels):
            alignment = 2**num_levels
            height, width = _align(canvas.height, alignment), _align(canvas.width, alignment)

            def add(sums, index):
                window = _window_of(homographies[index], sizes[index], canvas, alignment)
                image, covered = warp(read(index), homographies[index], window)
                weights = weigh(index, window, covered)
                place = window.top - canvas.top, window.left - canvas.left
                return bands.add_photo(sums, image * gains[index], weights, *place)

            sums = tf.foldl(
                add,
                tf.range(tf.shape(sizes)[0]),
                bands.empty_bands(height, width, num_levels),
                parallel_iterations=1,
            )
            return bands.collapse(sums)[: canvas.height, : canvas.width]

        picture = tf.cond(
            tf.equal(blend, "multiband"), lambda: blend_with(bands.NUM_LEVELS), lambda: blend_with(0)
        )
        picture = tf.where(mask[..., tf.newaxis], picture, _EMPTY)
        return tf.cast(tf.round(tf.clip_by_value(picture, 0.0, 255.0)), "uint8"), mask

    def _survey(self, read, homographies, canvas):
        """Looks at all photos on a small canvas: their gains, their depths and their fronts' arrivals."""
        grid, to_grid = _grid_of(canvas)
        small, masks = tf.map_fn(
            lambda index: warp(read(index), to_grid @ homographies[index], grid),
            tf.range(tf.shape(homographies)[0]),
            fn_output_signature=(
                tf.TensorSpec([None, None, 3], "float32"),
                tf.TensorSpec([None, None], "bool"),
            ),
            parallel_iterations=1,
        )
        gains = find_gains(small, masks)
        depths = find_depths(masks)
        arrivals = find_arrivals(small * gains[:, tf.newaxis, tf.newaxis], masks, depths)
        return gains, depths, arrivals


def _grid_of(canvas):
    """Returns a small window for the whole canvas, and the matrix from the plane's points to its points."""
    side = tf.cast(tf.maximum(canvas.height, canvas.width), "float32")
    scale = tf.minimum(1.0, _GRID_SIDE / side)
    sides = [tf.cast(tf.math.ceil(tf.cast(side, "float32") * scale), "int32") for side in canvas[2:]]
    y_ratio, x_ratio = (
        tf.cast(new, "float32") / tf.cast(old, "float32") for new, old in zip(sides, canvas[2:], strict=True)
    )
    top, left = tf.cast(canvas.top, "float32"), tf.cast(canvas.left, "float32")
    zero, one = tf.zeros([]), tf.ones([])
    to_grid = tf.stack(
        [
            tf.stack([x_ratio, zero, (0.5 - left) * x_ratio - 0.5]),
            tf.stack([zero, y_ratio, (0.5 - top) * y_ratio - 0.5]),
            tf.stack([zero, zero, one]),
        ]
    )
    return Window(tf.constant(0), tf.constant(0), *sides), to_grid


def _find_owners(sizes, homographies, canvas, arrivals):
    """Returns the index of the photo that shows each point, and which points any photo shows."""
    shape = tf.stack([canvas.height, canvas.width])

    def take_earlier(best, index):
        earliest, owners = best
        own = tf.image.resize(arrivals[index][..., tf.newaxis], shape)[..., 0]
        covered = find_coverage(sizes[index], homographies[index], canvas)
        is_earlier = covered & (own < earliest)
        return tf.where(is_earlier, own, earliest), tf.where(is_earlier, index, owners)

    start = tf.fill(shape, np.inf), tf.fill(shape, -1)
    _, owners = tf.foldl(take_earlier, tf.range(tf.shape(sizes)[0]), start, parallel_iterations=1)
    return owners, owners >= 0


def _window_of(homography, size, canvas, alignment):
    """Returns the part of the canvas that a photo needs, whose place and sides are multiples of a number."""
    window = cover(homography[tf.newaxis], size[tf.newaxis])
    top, left = window.top - canvas.top, window.left - canvas.left
    first_row, first_column = top // alignment * alignment, left // alignment * alignment
    return Window(
        canvas.top + first_row,
        canvas.left + first_column,
        _align(top + window.height, alignment) - first_row,
        _align(left + window.width, alignment) - first_column,
    )


def _align(side, alignment):
    return (side + alignment - 1) // alignment * alignment


def _part_of(array, canvas, window):
    """Returns a window's part of an array of the canvas; -1 beyond the canvas."""
    top, left = window.top - canvas.top, window.left - canvas.left
    bottom, right = top + window.height, left + window.width
    below, beside = tf.maximum(bottom - canvas.height, 0), tf.maximum(right - canvas.width, 0)
    return tf.pad(array[top:bottom, left:right], [[0, below], [0, beside]], constant_values=-1)


def _enlarge_part(grid, canvas, window):
    """Returns a window's part of what is known on the small canvas; -1 beyond the canvas."""
    whole = tf.image.resize(grid[..., tf.newaxis], tf.stack([canvas.height, canvas.width]))[..., 0]
    return _part_of(whole, canvas, window)
