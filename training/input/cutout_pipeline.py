"""Makes batches of photos with masks, for networks that find the product.

The stages are those of `training/input/pipeline.py`.
"""

from pathlib import Path

import tensorflow as tf

from training.data.data_sets import MASK, DataSet
from training.input.batch_order import BatchOrder
from training.input.composites import cut_windows, make_composites
from training.input.picture_cache import open_cache, settle_cache
from training.input.pipeline import map_pictures, prefetch_untuned
from zoo.errors import WrongUsageError
from zoo.pictures import pixels

# Photos are kept larger than the network's input by this factor, because windows are cut out of them.
WINDOW_FACTOR = 1.25


def make_cutout_batches(
    data_set: DataSet,
    split: str,
    *,
    image_size: int,
    batch_size: int,
    is_training: bool = False,
    seed: int = 0,
    first_step: int = 0,
    cache: str | None = None,
    cache_dir: Path | None = None,
) -> tf.data.Dataset:
    """Makes batches of photos, squeezed into squares, with the masks of their products.

    Args:
        data_set: A prepared data set with masks.
        split: `train`, `validation` or `test`.
        image_size: Side S of the squares in pixels.
        batch_size: Number N of photos per batch.
        is_training: Whether the batches are endless and shuffled, and their photos changed at random
            (`training/input/composites.py`); otherwise they are whole photos in a fixed order.
        seed: Seed of the order and of the changes, which alone determines the batches.
        first_step: Number of batches to skip at the start: those already seen by a resumed run.
        cache: `memory`, `disk` or `none`; chosen by size by default.
        cache_dir: Directory of a cache on disk; by default in the data set's own directory.

    Returns:
        Data set of `(raw_images uint8 [N, S, S, 3], masks uint8 [N, S, S, 1])`.

    Raises:
        WrongUsageError: The data set has no masks.
        OSError: A cache on disk cannot be written.
        ValueError: `batch_size` or `first_step` is out of range.
        UnknownNameError: The split or the cache does not exist.

    Example:

    ```python
    data_set = load_data_set("my_shop")
    batches = make_cutout_batches(data_set, "train", image_size=288, batch_size=16, is_training=True)
    ```
    """
    check_has_masks(data_set)
    stored_size = round(WINDOW_FACTOR * image_size) if is_training else image_size
    elements = _read(data_set, split, stored_size)
    order = BatchOrder(
        data_set.num_images[split], batch_size, is_training, is_training, seed, first_step, is_training
    )
    order.check(split)
    cache = settle_cache(cache, elements, data_set, order.num_images, cache_dir)
    if cache == "none":
        batches = order.stream(elements).batch(batch_size, drop_remainder=is_training)
    else:
        pictures, _ = open_cache(cache, elements, data_set, split, cache_dir, {"masked_size": stored_size})

        def gather(indices, _):
            return {key: store.take(indices, stored_size, stored_size) for key, store in pictures.items()}

        batches = order.make_batches().map(gather)
    batches = batches.enumerate(start=first_step)

    def finish(step, batch):
        if not is_training:
            return batch["image"], batch[MASK]
        both = tf.cast(tf.concat([batch["image"], batch[MASK]], axis=-1), "float32") / 255.0
        seeds = tf.random.split(tf.stack([tf.constant(seed, "int64"), step]))
        both = cut_windows(both, image_size, seeds[0])
        images, masks = make_composites(both[..., :3], both[..., 3:], seeds[1])
        return tuple(pixels.round_to_uint8(255.0 * values) for values in (images, masks))

    return prefetch_untuned(batches.map(finish, num_parallel_calls=tf.data.AUTOTUNE))


def check_has_masks(data_set: DataSet) -> None:
    """Raises `WrongUsageError` unless the data set has masks."""
    if not data_set.has_masks:
        raise WrongUsageError(
            f"The data set must have masks, from which the network learns what the product is. Received: "
            f"dataset={data_set.name}, which has none. Build it with "
            "`zoo data build NAME --images DIR --masks DIR`."
        )


def cutout_cache_choice(data_set: DataSet, image_size: int) -> str:
    """Returns the cache that `make_cutout_batches` chooses for the training split."""
    elements = _read(data_set, "train", round(WINDOW_FACTOR * image_size))
    return settle_cache(None, elements, data_set, data_set.num_images["train"], None)


def _read(data_set: DataSet, split: str, size: int) -> tf.data.Dataset:
    def squeeze(element):
        both = tf.concat([element["image"], element[MASK]], axis=-1)
        both = pixels.round_to_uint8(tf.image.resize(both, [size, size], antialias=True))
        both = tf.ensure_shape(both, [*element["image"].shape[:-3], size, size, 4])
        return {"image": both[..., :3], MASK: both[..., 3:]}

    return map_pictures(data_set, split, squeeze)
