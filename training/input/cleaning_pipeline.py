"""Makes batches of damaged patches of photos, with what they were and how bad they are.

The stages are those of `training/input/pipeline.py`.
"""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from training.data.data_sets import DataSet
from training.input import symmetries
from training.input.augmentation import check_augmentations
from training.input.batch_order import BatchOrder
from training.input.patch_cutter import PatchCutter
from training.input.photo_damage import MARGIN_PIXELS, damage_photo
from training.input.picture_cache import (
    check_cache,
    choose_cache,
    default_cache_dir,
    estimate_bytes,
    open_cache,
)
from training.input.pipeline import map_pictures, prefetch_untuned

AUGMENTATIONS = symmetries.NAMES


def make_cleaning_batches(
    data_set: DataSet,
    split: str,
    *,
    patch_size: int,
    batch_size: int,
    shuffle: bool = False,
    repeat: bool = False,
    seed: int = 0,
    first_step: int = 0,
    drop_remainder: bool = False,
    augment: Sequence[str] = (),
    cache: str | None = None,
    cache_dir: Path | None = None,
) -> tf.data.Dataset:
    """Makes patches, damaged by `training.input.photo_damage.damage_photo`.

    Args:
        data_set: A prepared data set; its photos should have no damage of their own, for which
            `zoo data build --halve` cares.
        split: `train`, `validation` or `test`.
        patch_size: Side p of the patches in pixels; that of the photos if all have the same smaller one.
        batch_size: Number N of patches per batch.
        shuffle: As for `make_image_batches`.
        repeat: As for `make_image_batches`.
        seed: As for `make_image_batches`; it also determines the positions of the patches and the damage.
        first_step: As for `make_image_batches`.
        drop_remainder: As for `make_image_batches`.
        augment: Names of augmentations, from `AUGMENTATIONS`.
        cache: As for `make_image_batches`.
        cache_dir: As for `make_image_batches`.

    Returns:
        Data set of `(damaged uint8 [N, p, p, 3], undamaged uint8 [N, p, p, 3], damage float32 [N, 2])`,
        the last by JPEG and by noise.

    Raises:
        OSError: If a cache on disk cannot be written.
        ValueError: If `batch_size` or `first_step` is out of range, or sizes vary and a picture is smaller
            than a patch.
        UnknownNameError: If the split, an augmentation or the cache does not exist.

    Example:

    ```python
    batches = make_cleaning_batches(load_data_set("my_shop"), "train", patch_size=96, batch_size=16)
    ```
    """
    data_set.check_split(split)
    check_augmentations(augment, AUGMENTATIONS)
    order = BatchOrder(
        data_set.num_images[split], batch_size, shuffle, repeat, seed, first_step, drop_remainder
    )
    order.check(split)
    check_cache(cache)
    elements = _read(data_set, split)
    side = min(patch_size, *(length or patch_size for length in data_set.image_shape[:2]))
    patches = PatchCutter(side, side, 1, MARGIN_PIXELS)
    if cache is None:
        cache = choose_cache(
            estimate_bytes(elements, order.num_images), cache_dir or default_cache_dir(data_set)
        )
    if cache == "none":
        batches = patches.stream(elements, order)
    else:
        pictures, _ = open_cache(
            cache, elements, data_set, split, cache_dir, {"whole": True}, order.num_images
        )
        batches = patches.cut_cached(pictures, order)
    mirror_and_turn = symmetries.Symmetries(augment)

    def finish(step, batch):
        num_rows = tf.shape(batch["high_res"], "int64")[0]
        seeds = tf.stack(
            [tf.fill([num_rows], tf.constant(seed, "int64")), step * batch_size + tf.range(num_rows)], 1
        )
        photo = tf.TensorSpec([side, side, 3], "uint8")
        damaged, undamaged, damage = tf.map_fn(
            lambda row: damage_photo(row[0], side, row[1]),
            (batch["high_res"], seeds),
            fn_output_signature=(photo, photo, tf.TensorSpec([2], "float32")),
        )
        # Turned after the compression: encoders treat rows and columns, and both directions, alike enough.
        pair = mirror_and_turn({"damaged": damaged, "undamaged": undamaged}, seed=[seed, step])
        return pair["damaged"], pair["undamaged"], damage

    batches = batches.enumerate(start=first_step)
    return prefetch_untuned(batches.map(finish, num_parallel_calls=tf.data.AUTOTUNE))


def cleaning_cache_choice(data_set: DataSet) -> str:
    """Returns the cache that `make_cleaning_batches` chooses for the training split."""
    elements = _read(data_set, "train")
    return choose_cache(estimate_bytes(elements, data_set.num_images["train"]), default_cache_dir(data_set))


def _read(data_set: DataSet, split: str) -> tf.data.Dataset:
    def in_colour(element):
        image = element["image"]
        return {"high_res": tf.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image}

    return map_pictures(data_set, split, in_colour)
