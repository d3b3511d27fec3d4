"""Makes batches of pictures for training and evaluation from a prepared data set.

All pipelines (including `training/input/super_resolution_pipeline.py`) have the same stages, in this order:

1. Read and decode once, in the fixed order of the records.
2. Crop, resize and convert, still as `uint8`. The result is the same for every epoch and is therefore cached.
3. Cache as `uint8`, which takes a quarter of the space of floats, for random access: in memory, or on disk in
   one file (`training/input/picture_cache.py`).
4. Shuffle by a permutation of the whole split that depends on `(seed, epoch)` alone. It is independent of
   threads, and a resumed run can start anywhere without drawing the earlier ones.
5. Repeat after shuffling: every picture is seen once before any is seen twice.
6. Batch after repeating: batches cross the boundaries of epochs and are never incomplete. Gathering a whole
   batch from the cache is far cheaper than batching single pictures.
7. Augment after caching and repeating, which gives every epoch different changes, and after batching, because
   Keras' layers process whole batches, each picture by its own amounts. These depend on `(seed, step)` alone,
   for the same reasons as the order. The result is `uint8` again; the model converts it to floats.
8. Prefetch last: the next batch is made while the model works.

Memory and disk give the same batches. A split without a cache (`none`) is read again every epoch and shuffled
through a buffer of a few thousand pictures, which bounds its memory.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import tensorflow as tf

from training.data.data_sets import DataSet
from training.input.augmentation import Augmentation
from training.input.batch_order import BatchOrder
from training.input.picture_cache import open_cache, settle_cache
from zoo.errors import UnknownNameError
from zoo.pictures import pixels, resize

# The column with the place of each picture in its split.
ROW = "row"
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
    augment: Sequence[str] = (),
    cache: str | None = None,
    cache_dir: Path | None = None,
    with_rows: bool = False,
) -> tf.data.Dataset:
    """Makes batches of square pictures with their attributes.

    Pictures of another shape are cropped to the centre square and resized by antialiased bicubic
    interpolation; grey is repeated to RGB, or RGB weighted to grey.

    Args:
        data_set: A prepared data set.
        split: `train`, `validation` or `test`.
        image_size: Side S of the pictures in pixels.
        channels: 1 (grey) or 3 (RGB).
        batch_size: Number N of pictures per batch.
        attributes: Names of the attributes to yield; all by default.
        shuffle: Whether each epoch has a different random order, instead of the order of the records.
        repeat: Whether epochs repeat endlessly. Batches then cross their boundaries.
        seed: Seed of the order and the augmentation, which alone determines the batches.
        first_step: Number of batches to skip at the start: those already seen by a resumed run.
        drop_remainder: Whether to drop an incomplete last batch.
        augment: Names of augmentations, from `training.input.augmentation.NAMES`.
        cache: `memory`, `disk` or `none`; chosen by size by default.
        cache_dir: Directory of a cache on disk; by default in the data set's own directory.
        with_rows: Whether to add a column `ROW`: each picture's place in its split, int32 `[N]`.

    Returns:
        Data set of `(raw_images uint8 [N, S, S, channels], {attribute: int32 [N]})`.

    Raises:
        OSError: If a cache on disk cannot be written.
        ValueError: If `image_size`, `channels`, `batch_size` or `first_step` is out of range.
        UnknownNameError: If the split, an attribute, an augmentation or the cache does not exist.

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
        augment=["crop", "flip"],
    )
    model.fit(batches, steps_per_epoch=859)
    ```
    """
    elements = _read_images(data_set, split, image_size, channels, attributes)
    if with_rows:
        elements = elements.enumerate().map(lambda row, element: {**element, ROW: tf.cast(row, "int32")})
    order = BatchOrder(
        data_set.num_images[split], batch_size, shuffle, repeat, seed, first_step, drop_remainder
    )
    order.check(split)
    change = Augmentation(augment)
    cache = settle_cache(cache, elements, data_set, order.num_images, cache_dir)
    if cache == "none":
        batches = order.stream(elements).batch(batch_size, drop_remainder=drop_remainder)
    else:
        content = {"image_size": image_size, "channels": channels, "attributes": attributes}
        content |= {"rows": True} if with_rows else {}
        pictures, columns = open_cache(cache, elements, data_set, split, cache_dir, content)
        with tf.device("CPU"):
            columns = {key: tf.constant(column) for key, column in columns.items()}

        def gather(indices, _):
            images = pictures["image"].take(indices, image_size, image_size)
            return {"image": images, **{key: tf.gather(column, indices) for key, column in columns.items()}}

        batches = order.make_batches().map(gather)

    def finish(step, batch):
        raw_images = change(batch.pop("image"), seed=[seed, step])
        return raw_images, batch

    batches = batches.enumerate(start=first_step)
    return prefetch_untuned(batches.map(finish, num_parallel_calls=tf.data.AUTOTUNE))


def prefetch_untuned(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Prefetches batches with all cores, without autotuned parallelism.

    The autotuning thread sleeps for up to a minute, and deleting an iterator may wait for it to wake up;
    Keras deletes one after each validation. Batches of cached pictures leave nothing to tune.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)


def image_cache_choice(data_set: DataSet, image_size: int, channels: int) -> str:
    """Returns the cache that `make_image_batches` chooses for the training split."""
    elements = _read_images(data_set, "train", image_size, channels, None)
    return settle_cache(None, elements, data_set, data_set.num_images["train"], None)


def map_pictures(data_set: DataSet, split: str, function: Callable) -> tf.data.Dataset:
    """Applies a function to a split's elements, many at once if their shapes are equal.

    Args:
        data_set: A prepared data set.
        split: `train`, `validation` or `test`.
        function: Takes and returns a dict of tensors, for one element or a batch.

    Returns:
        Data set of single elements.
    """
    elements = data_set.read(split)
    if None in data_set.image_shape:
        return elements.map(function, num_parallel_calls=tf.data.AUTOTUNE)
    # Twice as fast as one by one. An incomplete last batch is kept.
    return elements.batch(_MAP_BATCH_IMAGES).map(function, num_parallel_calls=tf.data.AUTOTUNE).unbatch()


def _read_images(
    data_set: DataSet, split: str, image_size: int, channels: int, attributes
) -> tf.data.Dataset:
    data_set.check_split(split)
    if image_size < 1:
        raise ValueError(
            "`image_size` must be at least 1, because it is a side in pixels. "
            f"Received: image_size={image_size}. A common value is 64."
        )
    if channels not in (1, 3):
        raise ValueError(
            f"`channels` must be 1 (grey) or 3 (RGB). Received: channels={channels}. Use one of them."
        )
    names = list(data_set.attributes) if attributes is None else list(attributes)
    for name in names:
        if name not in data_set.attributes:
            raise UnknownNameError(f"attribute of {data_set.name}", name, data_set.attributes)

    def to_model_size(element):
        image = pixels.match_channels(resize.to_square(element["image"], image_size), channels)
        return {"image": image, **{name: tf.cast(element[name], "int32") for name in names}}

    return map_pictures(data_set, split, to_model_size)
