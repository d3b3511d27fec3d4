"""Makes batches of patches in low and full resolution from a prepared data set.

The stages are those of `training/input/pipeline.py`.

Sources:
    [FSRCNN] Dong et al. 2016, arXiv 1608.00367, section 4.1: scaled and rotated pictures as augmentation.
"""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from training.data.data_sets import DataSet
from training.input import symmetries
from training.input.augmentation import Augmentation, check_augmentations
from training.input.batch_order import BatchOrder
from training.input.degradation import Degradation
from training.input.patch_cutter import PatchCutter
from training.input.picture_cache import open_cache, settle_cache
from training.input.pipeline import map_pictures, prefetch_untuned
from zoo.pictures import pixels, resize

# Augmentations that keep the targets sharp: rotation, zoom and blur would soften them.
AUGMENTATIONS = (
    *("crop", "flip", "turn", "scale"),
    *("brightness", "contrast", "saturation", "hue", "colour"),
)
# [FSRCNN] section 4.1: each picture is also used at smaller sizes.
SCALES = (1.0, 0.9, 0.8, 0.7, 0.6)
# Largest side of pictures that are evaluated whole.
MAX_WHOLE_PIXELS = 1024
# Reach of [Keys]' kernel beyond a low-res patch, in low-res pixels (`zoo/pictures/resize.py`).
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
    """Makes pairs of random patches in low and full resolution, by the protocol of the papers.

    Every picture is cropped to a multiple of the factor, reduced as a whole by antialiased bicubic
    interpolation and rounded. The patches are then cut from both, which avoids edge effects. An epoch has one
    patch of each picture.

    With the augmentation `scale` each picture counts five times: at 1.0, 0.9, 0.8, 0.7 and 0.6 of its size,
    but never smaller than a patch. `flip` and `turn` change both patches alike
    (`training/input/symmetries.py`).

    With other names in `augment`, or with `degrade`, a patch with a margin is first cut in full resolution,
    then augmented, reduced and degraded, which keeps both resolutions consistent; the margin is cropped at
    the end.

    Args:
        data_set: A prepared data set.
        split: `train`, `validation` or `test`.
        upscale_factor: Factor s between both resolutions.
        patch_size: Side p of the patches in full resolution, in pixels. If all pictures have the same smaller
            size, the whole picture is the patch.
        batch_size: Number N of patches per batch.
        shuffle: As for `make_image_batches`.
        repeat: As for `make_image_batches`.
        seed: As for `make_image_batches`; it also determines the positions of the patches.
        first_step: As for `make_image_batches`.
        drop_remainder: As for `make_image_batches`.
        augment: Names of augmentations, from `AUGMENTATIONS`.
        degrade: Names of degradations of low-res pictures, from `training.input.degradation.DEGRADATIONS`.
        cache: As for `make_image_batches`.
        cache_dir: As for `make_image_batches`.

    Returns:
        Data set of `(low_res_images uint8 [N, p/s, p/s, C], high_res_images uint8 [N, p, p, C])`.

    Raises:
        OSError: If a cache on disk cannot be written.
        ValueError: If `upscale_factor`, `patch_size`, `batch_size` or `first_step` is out of range, or sizes
            vary and a picture is smaller than a patch.
        UnknownNameError: If the split, an augmentation, a degradation or the cache does not exist.

    Example:

    ```python
    batches = make_super_resolution_batches(
        load_data_set("rendered_catalog"), "train", upscale_factor=3, patch_size=33, batch_size=128
    )
    ```
    """
    data_set.check_split(split)
    _check_patch(upscale_factor, patch_size, data_set)
    num_images = data_set.num_images[split] * _num_versions(augment)
    order = BatchOrder(num_images, batch_size, shuffle, repeat, seed, first_step, drop_remainder)
    order.check(split)
    check_augmentations(augment, AUGMENTATIONS)
    mirror_and_turn = symmetries.Symmetries(augment)
    change = Augmentation([name for name in augment if name not in ("scale", *symmetries.NAMES)])
    worsen = Degradation(degrade)
    is_changed = change.changes_anything or bool(degrade)

    if is_changed:
        elements = _read_high_res(data_set, split, upscale_factor, patch_size, augment)
    else:
        elements = _read_pairs(data_set, split, upscale_factor, patch_size, augment)
    height, width = (
        min(patch_size, side or patch_size) // upscale_factor for side in data_set.image_shape[:2]
    )
    patches = PatchCutter(height, width, upscale_factor, _MARGIN_PIXELS if is_changed else 0)
    cache = settle_cache(cache, elements, data_set, order.num_images, cache_dir)
    if cache == "none":
        batches = patches.stream(elements, order)
    else:
        content = {
            "upscale_factor": upscale_factor,
            "keys": sorted(elements.element_spec),
            **({"scales": SCALES, "patch_size": patch_size} if "scale" in augment else {}),
        }
        pictures, _ = open_cache(cache, elements, data_set, split, cache_dir, content, num_images)
        batches = patches.cut_cached(pictures, order)

    def finish(step, batch):
        if is_changed:
            high_res = change(batch["high_res"], seed=[seed, step])
            height, width = (side // upscale_factor for side in high_res.shape[1:3])
            low_res = pixels.round_to_uint8(resize.bicubic(high_res, height, width))
            low_res = tf.ensure_shape(low_res, [None, height, width, high_res.shape[3]])
            batch = patches.without_margin(worsen(low_res, seed=[seed, ~step]), high_res)
        batch = mirror_and_turn(batch, seed=[seed, step])
        return batch["low_res"], batch["high_res"]

    batches = batches.enumerate(start=first_step)
    return prefetch_untuned(batches.map(finish, num_parallel_calls=tf.data.AUTOTUNE))


def make_whole_pairs(data_set: DataSet, split: str, *, upscale_factor: int) -> tf.data.Dataset:
    """Makes pairs of whole pictures in low and full resolution, one at a time.

    Args:
        data_set: A prepared data set.
        split: `train`, `validation` or `test`.
        upscale_factor: Factor s between both resolutions.

    Returns:
        Data set of `(low_res_images uint8 [1, h, w, C], high_res_images uint8 [1, s * h, s * w, C])`. Sides
        of more than `MAX_WHOLE_PIXELS` are cropped to the centre, which bounds the memory.
    """

    def make_pair(element):
        pair = _make_pair(_cut_middle(element["image"]), upscale_factor)
        return pair["low_res"], pair["high_res"]

    return prefetch_untuned(map_pictures(data_set, split, make_pair).batch(1))


def pair_cache_choice(data_set: DataSet, upscale_factor: int, patch_size: int, augment: Sequence[str]) -> str:
    """Returns the cache that `make_super_resolution_batches` chooses for the training split."""
    elements = _read_pairs(data_set, "train", upscale_factor, patch_size, augment)
    num_images = data_set.num_images["train"] * _num_versions(augment)
    return settle_cache(None, elements, data_set, num_images, None)


def _check_patch(upscale_factor: int, patch_size: int, data_set: DataSet) -> None:
    if upscale_factor < 2:
        raise ValueError(
            "`upscale_factor` must be at least 2, because 1 leaves nothing to learn. "
            f"Received: upscale_factor={upscale_factor}. Common values are 2, 3 and 4."
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
            "`upscale_factor` must not exceed the side of a picture, or the low-res picture would be empty. "
            f"Received: upscale_factor={upscale_factor}, picture shape {data_set.image_shape} of "
            f"{data_set.name}. Largest allowed: {smallest}."
        )


def _num_versions(augment: Sequence[str]) -> int:
    return len(SCALES) if "scale" in augment else 1


def _read_pairs(
    data_set: DataSet, split: str, upscale_factor: int, patch_size: int, augment: Sequence[str]
) -> tf.data.Dataset:
    if "scale" in augment:
        scaled = _read_scaled(data_set, split, patch_size)
        return scaled.map(lambda image: _make_pair(image, upscale_factor), tf.data.AUTOTUNE)
    return map_pictures(data_set, split, lambda element: _make_pair(element["image"], upscale_factor))


def _read_high_res(
    data_set: DataSet, split: str, upscale_factor: int, patch_size: int, augment: Sequence[str]
) -> tf.data.Dataset:
    def cut(image):
        return {"high_res": _cut_to_multiple(image, upscale_factor)}

    if "scale" in augment:
        return _read_scaled(data_set, split, patch_size).map(cut, tf.data.AUTOTUNE)
    return map_pictures(data_set, split, lambda element: cut(element["image"]))


def _read_scaled(data_set: DataSet, split: str, patch_size: int) -> tf.data.Dataset:
    """Reads each picture at all `SCALES`, but never smaller than a patch."""

    def shrink(image, scale):
        sides = tf.shape(image)[:2]
        wanted = tf.cast(tf.round(scale * tf.cast(sides, "float32")), "int32")
        height, width = tf.unstack(tf.maximum(wanted, tf.minimum(sides, patch_size)))
        return pixels.round_to_uint8(resize.bicubic(image, height, width))

    def scale_all(element):
        scales = tf.data.Dataset.from_tensor_slices(tf.constant(SCALES))
        return scales.map(lambda scale: shrink(element["image"], scale))

    return data_set.read(split).flat_map(scale_all)


def _make_pair(image, upscale_factor: int) -> dict[str, tf.Tensor]:
    high_res = _cut_to_multiple(image, upscale_factor)
    height, width = (
        (high_res.shape[axis] or tf.shape(high_res)[axis]) // upscale_factor for axis in (-3, -2)
    )
    low_res = pixels.round_to_uint8(resize.bicubic(high_res, height, width))
    return {"low_res": low_res, "high_res": high_res}


def _cut_middle(raw_images: tf.Tensor) -> tf.Tensor:
    sides = tf.shape(raw_images)[-3:-1]
    kept = tf.minimum(sides, MAX_WHOLE_PIXELS)
    (top, left), (height, width) = tf.unstack((sides - kept) // 2), tf.unstack(kept)
    return raw_images[..., top : top + height, left : left + width, :]


def _cut_to_multiple(raw_images: tf.Tensor, upscale_factor: int) -> tf.Tensor:
    height, width = (
        (raw_images.shape[axis] or tf.shape(raw_images)[axis]) // upscale_factor * upscale_factor
        for axis in (-3, -2)
    )
    return raw_images[..., :height, :width, :]
