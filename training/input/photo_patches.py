"""Cuts batches of patches from photos, for models that learn from patches of their own making.

The stages are those of `training/input/pipeline.py`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import tensorflow as tf

from training.data.data_sets import DataSet
from training.input import symmetries
from training.input.augmentation import check_augmentations
from training.input.batch_order import BatchOrder
from training.input.patch_cutter import PatchCutter
from training.input.picture_cache import open_cache, settle_cache
from training.input.pipeline import map_pictures, prefetch_untuned

AUGMENTATIONS = symmetries.NAMES


def make_photo_patches(
    data_set: DataSet,
    split: str,
    change: Callable,
    *,
    patch_size: int,
    batch_size: int,
    margin: int = 0,
    shuffle: bool = False,
    repeat: bool = False,
    seed: int = 0,
    first_step: int = 0,
    drop_remainder: bool = False,
    augment: Sequence[str] = (),
    cache: str | None = None,
    cache_dir: Path | None = None,
) -> tf.data.Dataset:
    """Makes batches of patches, one of each photo per epoch, in colour.

    Args:
        data_set: A prepared data set.
        split: `train`, `validation` or `test`.
        change: Maps the step, an int64 scalar, and patches, uint8 `[N, p + 2 m, p + 2 m, 3]`, to what a batch
            holds.
        patch_size: Side p of the patches in pixels; that of the photos if all have the same smaller one.
        batch_size: Number N of patches per batch.
        margin: Width m in pixels of a margin around each patch; photos are extended by reflection.
        shuffle: As for `make_image_batches`.
        repeat: As for `make_image_batches`.
        seed: As for `make_image_batches`; it also determines the positions of the patches.
        first_step: As for `make_image_batches`.
        drop_remainder: As for `make_image_batches`.
        augment: Names of augmentations, from `AUGMENTATIONS`; they are checked, and left to `change`.
        cache: As for `make_image_batches`.
        cache_dir: As for `make_image_batches`.

    Returns:
        Data set of what `change` returns.

    Raises:
        OSError: If a cache on disk cannot be written.
        ValueError: If `batch_size` or `first_step` is out of range, or sizes vary and a picture is smaller
            than a patch.
        UnknownNameError: If the split, an augmentation or the cache does not exist.
    """
    data_set.check_split(split)
    check_augmentations(augment, AUGMENTATIONS)
    order = BatchOrder(
        data_set.num_images[split], batch_size, shuffle, repeat, seed, first_step, drop_remainder
    )
    order.check(split)
    elements = _read(data_set, split)
    side = patch_side(data_set, patch_size)
    patches = PatchCutter(side, side, 1, margin)
    cache = settle_cache(cache, elements, data_set, order.num_images, cache_dir)
    if cache == "none":
        batches = patches.stream(elements, order)
    else:
        pictures, _ = open_cache(
            cache, elements, data_set, split, cache_dir, {"whole": True}, order.num_images
        )
        batches = patches.cut_cached(pictures, order)
    batches = batches.enumerate(start=first_step)
    changed = batches.map(
        lambda step, batch: change(step, batch["high_res"]), num_parallel_calls=tf.data.AUTOTUNE
    )
    return prefetch_untuned(changed)


def patch_side(data_set: DataSet, patch_size: int) -> int:
    """Returns the side of the patches: at most that of the photos, if all have the same."""
    return min(patch_size, *(length or patch_size for length in data_set.image_shape[:2]))


def photo_cache_choice(data_set: DataSet) -> str:
    """Returns the cache that `make_photo_patches` chooses for the training split."""
    elements = _read(data_set, "train")
    return settle_cache(None, elements, data_set, data_set.num_images["train"], None)


def _read(data_set: DataSet, split: str) -> tf.data.Dataset:
    def in_colour(element):
        image = element["image"]
        return {"high_res": tf.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image}

    return map_pictures(data_set, split, in_colour)
