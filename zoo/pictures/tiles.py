"""Enlarges or changes a picture tile by tile, with memory use independent of the picture's size."""

from collections.abc import Callable

import tensorflow as tf


def map_tiles(
    raw_image: tf.Tensor,
    upscale: Callable[[tf.Tensor], tf.Tensor],
    upscale_factor: int,
    halo: int,
    max_tile_pixels: int,
) -> tf.Tensor:
    """Applies a function to overlapping tiles and joins the results without seams.

    A picture of at most `max_tile_pixels` is a single tile. Larger ones are cut into roughly square tiles,
    which minimises the pixels computed twice.

    Args:
        raw_image: uint8 tensor `[h, w, C]`.
        upscale: Turns uint8 `[1, h, w, C]` into uint8 `[1, s * h, s * w, C]`, for any h and w.
        upscale_factor: The factor s; 1 for pictures that keep their size.
        halo: Pixels of the input that a pixel of the result depends on, in every direction.
        max_tile_pixels: Largest number of result pixels per tile, halo excluded; a tile has at least one
            pixel of the input.

    Returns:
        uint8 tensor `[s * h, s * w, C]`, equal to `upscale` of the whole picture.

    Example:

    >>> double = lambda raw_images: tf.repeat(tf.repeat(raw_images, 2, axis=1), 2, axis=2)
    >>> map_tiles(tf.zeros([7, 5, 3], "uint8"), double, 2, halo=1, max_tile_pixels=40).shape
    TensorShape([14, 10, 3])
    """
    height, width = tf.shape(raw_image)[0], tf.shape(raw_image)[1]
    num_channels = raw_image.shape[-1]
    tile_height, tile_width = _tile_sides(height, width, max_tile_pixels // upscale_factor**2)

    def upscale_row(top):
        rows, kept_rows = _with_halo(top, tf.minimum(top + tile_height, height), height, halo, upscale_factor)

        def upscale_tile(left):
            # The last tile starts further left to be as wide as the others.
            left = tf.minimum(left, width - tile_width)
            columns, kept_columns = _with_halo(left, left + tile_width, width, halo, upscale_factor)
            return upscale(raw_image[tf.newaxis, rows, columns])[0, kept_rows, kept_columns]

        tiles = _make_parts(upscale_tile, width, tile_width, num_channels).stack()
        num_tiles, num_rows, num_columns, _ = tf.unstack(tf.shape(tiles))
        before = tf.transpose(tiles[:-1], [1, 0, 2, 3])
        before = tf.reshape(before, [num_rows, (num_tiles - 1) * num_columns, num_channels])
        twice = -width % tile_width
        return tf.concat([before, tiles[-1, :, twice * upscale_factor :]], axis=1)

    return _make_parts(upscale_row, height, tile_height, num_channels).concat()


def _tile_sides(height, width, max_pixels: int):
    """Returns a tile's height and width: the picture's own, or about the largest allowed square's."""
    side = tf.cast(tf.sqrt(float(max(max_pixels, 1))), "int32")
    tile_width = _even_out(width, side)
    tile_height = _even_out(height, tf.maximum(max_pixels // tile_width, 1))
    tile_width = _even_out(width, tf.maximum(max_pixels // tile_height, 1))
    return tile_height, tile_width


def _even_out(length, max_part):
    """Returns the size of roughly equal parts of a length, as few as parts of `max_part` would be."""
    num_parts = -(-length // tf.minimum(max_part, length))
    return -(-length // num_parts)


def _with_halo(begin, end, length, halo: int, upscale_factor: int) -> tuple[slice, slice]:
    """Returns the slice to enlarge, and the slice of its result to keep."""
    first, last = tf.maximum(begin - halo, 0), tf.minimum(end + halo, length)
    return slice(first, last), slice((begin - first) * upscale_factor, (end - first) * upscale_factor)


def _make_parts(make_part: Callable, length, part_length, num_channels: int) -> tf.TensorArray:
    """Makes the parts of a length one after another; `make_part` receives each part's start."""
    num_parts = -(-length // part_length)
    parts = tf.TensorArray(
        "uint8", size=num_parts, infer_shape=False, element_shape=[None, None, num_channels]
    )
    _, parts = tf.while_loop(
        lambda index, _: index < num_parts,
        lambda index, parts: (index + 1, parts.write(index, make_part(index * part_length))),
        (0, parts),
        parallel_iterations=1,
    )
    return parts
