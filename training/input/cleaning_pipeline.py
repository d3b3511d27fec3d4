"""Makes batches of damaged patches of photos, with what they were and how bad they are."""

from collections.abc import Sequence

import tensorflow as tf

from training.data.data_sets import DataSet
from training.input import symmetries
from training.input.photo_damage import MARGIN_PIXELS, damage_photo
from training.input.photo_patches import make_photo_patches, patch_side


def make_cleaning_batches(
    data_set: DataSet,
    split: str,
    *,
    patch_size: int,
    batch_size: int,
    seed: int = 0,
    augment: Sequence[str] = (),
    **options,
) -> tf.data.Dataset:
    """Makes patches, damaged by `training.input.photo_damage.damage_photo`.

    Args:
        data_set: A prepared data set; its photos should have no damage of their own, for which
            `zoo data build --halve` cares.
        split: `train`, `validation` or `test`.
        patch_size: Side p of the patches in pixels; that of the photos if all have the same smaller one.
        batch_size: Number N of patches per batch.
        seed: As for `make_image_batches`; it also determines the positions of the patches and the damage.
        augment: Names of augmentations, from `training.input.photo_patches.AUGMENTATIONS`.
        **options: As for `make_photo_patches`.

    Returns:
        Data set of `(damaged uint8 [N, p, p, 3], undamaged uint8 [N, p, p, 3], damage float32 [N, 2])`,
        the last by JPEG and by noise.

    Raises:
        OSError: As for `make_photo_patches`.
        ValueError: As for `make_photo_patches`.
        UnknownNameError: As for `make_photo_patches`.

    Example:

    ```python
    batches = make_cleaning_batches(load_data_set("my_shop"), "train", patch_size=96, batch_size=16)
    ```
    """
    side = patch_side(data_set, patch_size)
    mirror_and_turn = symmetries.Symmetries(augment)

    def change(step, photos):
        num_rows = tf.shape(photos, "int64")[0]
        seeds = tf.stack(
            [tf.fill([num_rows], tf.constant(seed, "int64")), step * batch_size + tf.range(num_rows)], 1
        )
        photo = tf.TensorSpec([side, side, 3], "uint8")
        damaged, undamaged, damage = tf.map_fn(
            lambda row: damage_photo(row[0], side, row[1]),
            (photos, seeds),
            fn_output_signature=(photo, photo, tf.TensorSpec([2], "float32")),
        )
        # Turned after the compression: encoders treat rows and columns, and both directions, alike enough.
        pair = mirror_and_turn({"damaged": damaged, "undamaged": undamaged}, seed=[seed, step])
        return pair["damaged"], pair["undamaged"], damage

    return make_photo_patches(
        data_set,
        split,
        change,
        patch_size=patch_size,
        batch_size=batch_size,
        margin=MARGIN_PIXELS,
        seed=seed,
        augment=augment,
        **options,
    )
