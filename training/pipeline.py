"""Batches for training and evaluation, from a prepared data set.

The order is the same everywhere, and each step has its reason:

1. read and decode: once, in the fixed order of the records;
2. cut, resize and convert, still `uint8`: the same for every epoch, so before the cache;
3. cache in memory as one tensor: a quarter of what floats would take, and any picture can be had at once;
4. shuffle: a permutation of the whole split drawn from `(seed, epoch)` alone, so that it depends on no
   thread, and a resumed run can begin anywhere without drawing what came before;
5. repeat after the shuffle, so that every picture is seen once before one is seen twice;
6. batch after the repeat, so that a small remainder never makes an odd step: batches run across epochs;
   gathering a batch from the cache at once is far cheaper than batching single pictures;
7. prefetch last, so that the next batch is made while the model works.

A split that is too large for the cache is read again every epoch and shuffled through a buffer.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from training.batch_order import BatchOrder
from training.data_sets import DataSet
from training.picture_store import PictureStore, read_all
from zoo import pixels, resize
from zoo.errors import UnknownNameError

MAX_CACHE_BYTES = 2 << 30
STREAM_SHUFFLE_IMAGES = 4096
_MAP_BATCH_IMAGES = 64


def make_image_batches(
    data_set: DataSet,
    split: str,
    *,
    image_size: int,
    channels: int,
    batch_size: int,
    attributes: Sequence[str] | None = None,
    shuffle: bool = False,
    repeat: bool = False,
    seed: int = 0,
    first_step: int = 0,
    drop_remainder: bool = False,
    max_cache_bytes: int = MAX_CACHE_BYTES,
) -> tf.data.Dataset:
    """Makes batches of square pictures with their attributes.

    Pictures of another shape are cut to the centre square and resized by antialiased bicubic interpolation;
    grey is repeated to RGB, or RGB weighted to grey.

    Args:
        data_set: A prepared data set.
        split: `train`, `validation` or `test`.
        image_size: Side S of the pictures in pixels.
        channels: 1 (grey) or 3 (RGB).
        batch_size: Number N of pictures of a batch.
        attributes: Names of the attributes to yield; all by default.
        shuffle: Whether each epoch comes in another random order; else that of the records.
        repeat: Whether epochs follow without end. Batches then run across their borders.
        seed: The same seed gives the same batches, whatever the machine is busy with.
        first_step: Number of batches to leave out at the beginning: those of the run that is resumed.
        drop_remainder: Whether to leave out a last batch that is not full.
        max_cache_bytes: Splits that take more are read from disk every epoch.

    Returns:
        Data set of `(raw_images uint8 [N, S, S, channels], {attribute: int32 [N]})`.

    Raises:
        ValueError: If `image_size`, `channels`, `batch_size` or `first_step` are impossible.
        UnknownNameError: If there is no such split or attribute.

    Example:

    ```python
    batches = make_image_batches(
        load_data_set("fashion_mnist"),
        "train",
        image_size=28,
        channels=1,
        batch_size=64,
        shuffle=True,
        repeat=True,
    )
    model.fit(batches, steps_per_epoch=859)
    ```
    """
    data_set.check_split(split)
    if image_size < 1:
        raise ValueError(
            "`image_size` must be at least 1, because it is a side in pixels. "
            f"Received: image_size={image_size}. A usual value is 64."
        )
    if channels not in (1, 3):
        raise ValueError(
            f"`channels` must be 1 (grey) or 3 (RGB). Received: channels={channels}. Use one of them."
        )
    names = list(data_set.attributes) if attributes is None else list(attributes)
    for name in names:
        if name not in data_set.attributes:
            raise UnknownNameError(f"attribute of {data_set.name}", name, data_set.attributes)
    order = BatchOrder(
        data_set.num_images[split], batch_size, shuffle, repeat, seed, first_step, drop_remainder
    )
    order.check(split)

    def to_model_size(element):
        image = pixels.match_channels(resize.to_square(element["image"], image_size), channels)
        return {"image": image, **{name: tf.cast(element[name], "int32") for name in names}}

    elements = _map_pictures(data_set, split, to_model_size)
    cached = read_all(elements, order.num_images, max_cache_bytes, f"Reading {data_set.name} {split}")
    if cached is None:
        batches = _stream(elements, order).batch(batch_size, drop_remainder=drop_remainder)
    else:
        with tf.device("CPU"):
            tensors = {key: tf.constant(array) for key, array in cached.items()}
        batches = order.make_batches().map(
            lambda indices, _: {key: tf.gather(tensor, indices) for key, tensor in tensors.items()}
        )
    return batches.map(lambda batch: (batch.pop("image"), batch)).prefetch(tf.data.AUTOTUNE)


def make_super_resolution_batches(
    data_set: DataSet,
    split: str,
    *,
    upscale_factor: int,
    patch_size: int,
    batch_size: int,
    shuffle: bool = False,
    repeat: bool = False,
    seed: int = 0,
    first_step: int = 0,
    drop_remainder: bool = False,
    max_cache_bytes: int = MAX_CACHE_BYTES,
) -> tf.data.Dataset:
    """Makes pairs of a random patch in low and in full resolution, by the protocol of the papers.

    Every picture is cut to a multiple of the factor, shrunk as a whole by antialiased bicubic interpolation
    and rounded; the patches are cut out of both afterwards, so that their borders are like the rest of the
    picture. One patch of each picture makes an epoch.

    Args:
        data_set: A prepared data set.
        split: `train`, `validation` or `test`.
        upscale_factor: Factor s between both resolutions.
        patch_size: Side p of the patches in full resolution, in pixels. Where all pictures have one size and
            that is smaller, the whole picture is the patch.
        batch_size: Number N of patches of a batch.
        shuffle: As for `make_image_batches`.
        repeat: As for `make_image_batches`.
        seed: As for `make_image_batches`; it decides on the places of the patches, too.
        first_step: As for `make_image_batches`.
        drop_remainder: As for `make_image_batches`.
        max_cache_bytes: As for `make_image_batches`.

    Returns:
        Data set of `(low_res_images uint8 [N, p/s, p/s, C], high_res_images uint8 [N, p, p, C])`.

    Raises:
        ValueError: If `upscale_factor`, `patch_size`, `batch_size` or `first_step` are impossible, or a
            picture is smaller than a patch where sizes vary.
        UnknownNameError: If there is no such split.

    Example:

    ```python
    batches = make_super_resolution_batches(
        load_data_set("rendered_catalog"), "train", upscale_factor=3, patch_size=33, batch_size=128
    )
    ```
    """
    data_set.check_split(split)
    _check_patch(upscale_factor, patch_size, data_set)
    order = BatchOrder(
        data_set.num_images[split], batch_size, shuffle, repeat, seed, first_step, drop_remainder
    )
    order.check(split)
    elements = _map_pictures(data_set, split, lambda element: _make_pair(element["image"], upscale_factor))
    low_res_patch = [
        min(patch_size, side or patch_size) // upscale_factor for side in data_set.image_shape[:2]
    ]
    cached = read_all(elements, order.num_images, max_cache_bytes, f"Reading {data_set.name} {split}")
    if cached is None:
        batches = _stream_patches(elements, order, low_res_patch, upscale_factor)
    else:
        batches = _cut_cached_patches(cached, order, low_res_patch, upscale_factor)
    return batches.prefetch(tf.data.AUTOTUNE)


def _check_patch(upscale_factor: int, patch_size: int, data_set: DataSet) -> None:
    if upscale_factor < 2:
        raise ValueError(
            "`upscale_factor` must be at least 2, because 1 leaves nothing to learn. "
            f"Received: upscale_factor={upscale_factor}. Usual values are 2, 3 and 4."
        )
    if patch_size < upscale_factor or patch_size % upscale_factor:
        nearest = max(patch_size // upscale_factor, 1) * upscale_factor
        raise ValueError(
            "`patch_size` must be a multiple of `upscale_factor`, because low-res patches have whole pixels. "
            f"Received: patch_size={patch_size}, upscale_factor={upscale_factor}. Nearest allowed: {nearest}."
        )
    smallest = min((side for side in data_set.image_shape[:2] if side), default=upscale_factor)
    if smallest < upscale_factor:
        raise ValueError(
            "`upscale_factor` must not exceed the side of a picture, because nothing would be left of it. "
            f"Received: upscale_factor={upscale_factor}, picture shape {data_set.image_shape} of "
            f"{data_set.name}. Largest allowed: {smallest}."
        )


def _map_pictures(data_set: DataSet, split: str, function: Callable) -> tf.data.Dataset:
    elements = data_set.read(split)
    if None in data_set.image_shape:
        return elements.map(function, num_parallel_calls=tf.data.AUTOTUNE)
    # Twice as fast as one by one. Splits may end in the middle of a batch: nothing is dropped.
    return elements.batch(_MAP_BATCH_IMAGES).map(function, num_parallel_calls=tf.data.AUTOTUNE).unbatch()


def _make_pair(raw_images: tf.Tensor, upscale_factor: int) -> dict[str, tf.Tensor]:
    height, width = (
        (raw_images.shape[axis] or tf.shape(raw_images)[axis]) // upscale_factor for axis in (-3, -2)
    )
    high_res = raw_images[..., : height * upscale_factor, : width * upscale_factor, :]
    low_res = pixels.round_to_uint8(resize.bicubic(high_res, height, width))
    return {"low_res": low_res, "high_res": high_res}


def _cut_cached_patches(cached, order: BatchOrder, low_res_patch, upscale_factor: int) -> tf.data.Dataset:
    low_res = PictureStore.from_pictures(cached["low_res"])
    high_res = PictureStore.from_pictures(cached["high_res"])
    height, width = low_res_patch
    smallest = min(tf.reduce_min(low_res.heights - height), tf.reduce_min(low_res.widths - width))
    if smallest < 0:
        largest_allowed = (max(height, width) + int(smallest)) * upscale_factor
        raise ValueError(
            "`patch_size` must not exceed the smallest picture where sizes vary, because the patches of a "
            f"batch are of one size. Received: patch_size={height * upscale_factor}. "
            f"Largest allowed: {largest_allowed}."
        )

    def cut(indices, places):
        top = _place(places[:, 0], tf.gather(low_res.heights, indices) - height)
        left = _place(places[:, 1], tf.gather(low_res.widths, indices) - width)
        return (
            low_res.cut(indices, top, left, height, width),
            high_res.cut(
                indices,
                top * upscale_factor,
                left * upscale_factor,
                height * upscale_factor,
                width * upscale_factor,
            ),
        )

    return order.make_batches().map(cut, num_parallel_calls=tf.data.AUTOTUNE)


def _stream_patches(elements, order: BatchOrder, low_res_patch, upscale_factor: int) -> tf.data.Dataset:
    height, width = low_res_patch

    def cut(position, pair):
        places = tf.random.stateless_uniform([2], tf.stack([order.seed, position]))
        low_res, high_res = pair["low_res"], pair["high_res"]
        top = _place(places[0], tf.shape(low_res, "int64")[0] - height)
        left = _place(places[1], tf.shape(low_res, "int64")[1] - width)
        window = high_res[top * upscale_factor :, left * upscale_factor :]
        return (
            low_res[top : top + height, left : left + width],
            window[: height * upscale_factor, : width * upscale_factor],
        )

    first_position = order.first_step * order.batch_size
    streamed = _stream(elements, order).enumerate(start=first_position)
    patches = streamed.map(cut, num_parallel_calls=tf.data.AUTOTUNE)
    return patches.batch(order.batch_size, drop_remainder=order.drop_remainder)


def _place(places: tf.Tensor, num_spare_pixels: tf.Tensor) -> tf.Tensor:
    first_pixels = tf.cast(places * tf.cast(num_spare_pixels + 1, places.dtype), "int64")
    return tf.minimum(first_pixels, num_spare_pixels)


def _stream(elements: tf.data.Dataset, order: BatchOrder) -> tf.data.Dataset:
    if order.shuffle:
        buffer_size = min(order.num_images, STREAM_SHUFFLE_IMAGES)
        elements = elements.shuffle(buffer_size, seed=order.seed, reshuffle_each_iteration=True)
    if order.repeat:
        elements = elements.repeat()
    return elements.skip(order.first_step * order.batch_size)
