"""Batches of patches in low and in full resolution, from a prepared data set.

The order is that of `training/pipeline.py`.
"""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from training.augmentation import Augmentation, check_augmentations
from training.batch_order import BatchOrder
from training.data_sets import DataSet
from training.degradation import Degradation
from training.patch_cutter import PatchCutter
from training.picture_cache import check_cache, choose_cache, default_cache_dir, estimate_bytes, open_cache
from training.pipeline import map_pictures
from zoo import pixels, resize

# What leaves the pictures sharp that are to be learned: rotation, zoom and blur soften them.
AUGMENTATIONS = ("crop", "flip", "brightness", "contrast", "saturation", "hue", "colour")
# How far [Keys]' kernel reaches beyond a low-res patch, in low-res pixels (`zoo/resize.py`).
_MARGIN_PIXELS = 2


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
    augment: Sequence[str] = (),
    degrade: Sequence[str] = (),
    cache: str | None = None,
    cache_dir: Path | None = None,
) -> tf.data.Dataset:
    """Makes pairs of a random patch in low and in full resolution, by the protocol of the papers.

    Every picture is cut to a multiple of the factor, shrunk as a whole by antialiased bicubic interpolation
    and rounded; the patches are cut out of both afterwards, so that their borders are like the rest of the
    picture. One patch of each picture makes an epoch.

    With `augment` or `degrade` a patch is cut in full resolution first, with a margin around it; then it is
    changed, then shrunk, then made worse, so that low and full resolution belong together; the margin is cut
    off at the end.

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
        augment: Names of random changes, of `AUGMENTATIONS`.
        degrade: Names of what makes low-res pictures worse, of `training.degradation.DEGRADATIONS`.
        cache: As for `make_image_batches`.
        cache_dir: As for `make_image_batches`.

    Returns:
        Data set of `(low_res_images uint8 [N, p/s, p/s, C], high_res_images uint8 [N, p, p, C])`.

    Raises:
        OSError: If a cache on disk cannot be written.
        ValueError: If `upscale_factor`, `patch_size`, `batch_size` or `first_step` are impossible, or a
            picture is smaller than a patch where sizes vary.
        UnknownNameError: If there is no such split, augmentation, degradation or cache.

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
    check_augmentations(augment, AUGMENTATIONS)
    change, worsen = Augmentation(augment), Degradation(degrade)
    check_cache(cache)
    is_changed = bool(augment or degrade)

    if is_changed:
        elements = _read_high_res(data_set, split, upscale_factor)
    else:
        elements = _read_pairs(data_set, split, upscale_factor)
    height, width = (
        min(patch_size, side or patch_size) // upscale_factor for side in data_set.image_shape[:2]
    )
    patches = PatchCutter(height, width, upscale_factor, _MARGIN_PIXELS if is_changed else 0)
    if cache is None:
        cache = choose_cache(
            estimate_bytes(elements, order.num_images), cache_dir or default_cache_dir(data_set)
        )
    if cache == "none":
        batches = patches.stream(elements, order)
    else:
        content = {"upscale_factor": upscale_factor, "keys": sorted(elements.element_spec)}
        pictures, _ = open_cache(cache, elements, data_set, split, cache_dir, content)
        batches = patches.cut_cached(pictures, order)
    if is_changed:

        def make_pair(step, batch):
            high_res = change(batch["high_res"], seed=[seed, step])
            height, width = (side // upscale_factor for side in high_res.shape[1:3])
            low_res = pixels.round_to_uint8(resize.bicubic(high_res, height, width))
            low_res = tf.ensure_shape(low_res, [None, height, width, high_res.shape[3]])
            return patches.without_margin(worsen(low_res, seed=[seed, ~step]), high_res)

        batches = batches.enumerate(start=first_step).map(make_pair, num_parallel_calls=tf.data.AUTOTUNE)
    return batches.map(lambda batch: (batch["low_res"], batch["high_res"])).prefetch(tf.data.AUTOTUNE)


def pair_cache_choice(data_set: DataSet, upscale_factor: int) -> str:
    """Returns the cache that `make_super_resolution_batches` chooses for the training split."""
    elements = _read_pairs(data_set, "train", upscale_factor)
    return choose_cache(estimate_bytes(elements, data_set.num_images["train"]), default_cache_dir(data_set))


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


def _read_pairs(data_set: DataSet, split: str, upscale_factor: int) -> tf.data.Dataset:
    def make_pair(element):
        high_res = _cut_to_multiple(element["image"], upscale_factor)
        height, width = (
            (high_res.shape[axis] or tf.shape(high_res)[axis]) // upscale_factor for axis in (-3, -2)
        )
        low_res = pixels.round_to_uint8(resize.bicubic(high_res, height, width))
        return {"low_res": low_res, "high_res": high_res}

    return map_pictures(data_set, split, make_pair)


def _read_high_res(data_set: DataSet, split: str, upscale_factor: int) -> tf.data.Dataset:
    return map_pictures(
        data_set, split, lambda element: {"high_res": _cut_to_multiple(element["image"], upscale_factor)}
    )


def _cut_to_multiple(raw_images: tf.Tensor, upscale_factor: int) -> tf.Tensor:
    height, width = (
        (raw_images.shape[axis] or tf.shape(raw_images)[axis]) // upscale_factor * upscale_factor
        for axis in (-3, -2)
    )
    return raw_images[..., :height, :width, :]
