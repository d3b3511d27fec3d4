"""Batches of photos with masks: the same for a seed, resumable, and masks that hold for what they mask."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from catalog_files import draw_photo, write_photos, write_table
from dark_products import dark_square
from PIL import Image

from training.data import data_sets
from training.data.catalog.builder import prepare
from training.data.catalog.settings import CatalogSettings
from training.input.composites import cut_windows, make_composites
from training.input.cutout_pipeline import make_cutout_batches
from training.recipes.base.registry import RECIPES
from zoo.errors import WrongUsageError


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    """A data set of photos of different sizes with masks, one of which is missing and one too small."""
    directory = tmp_path_factory.mktemp("masked")
    for folder in ("photos", "masks"):
        (directory / folder).mkdir()
    rows = []
    for index in range(24):
        ground = 155 + np.asarray(draw_photo(index, 50, 60 + index)) * 0.39
        photo = dark_square(60 + index, 50, ground=ground)
        Image.fromarray(photo).save(directory / "photos" / f"{index}.png")
        mask = 255 * (photo[..., 0] < 100).astype("uint8")
        if index == 3:
            mask = mask[1:]
        if index != 7:
            path = directory / "masks" / f"{index}.png"
            Image.fromarray(mask).save(path)
            if index == 5:
                path.write_bytes(path.read_bytes()[:-20])
        split = "train" if index < 16 else "validation" if index < 20 else "test"
        rows.append({"image": f"{index}.png", "category": "ab"[index % 2], "split": split})
    table = write_table(directory / "t.csv", rows)
    settings = CatalogSettings(
        images_dir=directory / "photos", table=table, masks_dir=directory / "masks", num_workers=1
    )
    prepare("masked", directory / "data", settings)
    return data_sets.find_prepared("masked", directory / "data")


def batches(data_set, split="train", **options):
    options = {"image_size": 32, "batch_size": 4, "cache": "memory", **options}
    return make_cutout_batches(data_set, split, **options)


def test_photos_without_a_fitting_mask_are_refused_with_the_reason(masked):
    assert masked.has_masks
    assert masked.num_images == {"train": 13, "validation": 4, "test": 4}
    assert masked.report["refusals"] == {
        "mask: another size than its photo": 1,
        "mask: missing": 1,
        "mask: truncated": 1,
    }


def test_masks_hold_for_their_photos(masked):
    for raw_images, masks in batches(masked, "test"):
        assert raw_images.shape == (4, 32, 32, 3)
        assert masks.shape == (4, 32, 32, 1)
        dark = raw_images[..., :1] < 100
        assert np.mean((masks > 127) == dark) > 0.98


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_training_batches_depend_on_the_seed_and_the_step_alone(masked, cache):
    first = list(batches(masked, is_training=True, cache=cache).take(5))
    again = list(batches(masked, is_training=True, cache=cache, first_step=2).take(3))
    other = next(iter(batches(masked, is_training=True, cache=cache, seed=1)))
    for one, same in zip(first[2:], again, strict=True):
        np.testing.assert_array_equal(one[0], same[0])
        np.testing.assert_array_equal(one[1], same[1])
    assert not np.array_equal(first[0][0], other[0])
    assert first[0][0].dtype == first[0][1].dtype == "uint8"


def test_composites_differ_between_photos_and_stay_in_range():
    photo = dark_square(64, 64) / 255.0
    mask = (photo[..., :1] < 0.4).astype("float32")
    images, masks = np.stack([photo] * 12).astype("float32"), np.stack([mask] * 12)
    made, _ = make_composites(tf.constant(images), tf.constant(masks), tf.constant([0, 1]))
    made = made.numpy()
    assert made.shape == images.shape
    assert made.min() >= 0.0
    assert made.max() <= 1.0
    differences = np.abs(made[1:] - made[:-1]).mean(axis=(1, 2, 3))
    assert differences.min() > 0.01


def test_some_grounds_are_empty_and_so_are_their_masks():
    photo = dark_square(64, 64) / 255.0
    mask = (photo[..., :1] < 0.4).astype("float32")
    images, masks = np.stack([photo] * 200).astype("float32"), np.stack([mask] * 200)
    made, made_masks = make_composites(tf.constant(images), tf.constant(masks), tf.constant([0, 1]))
    is_empty = made_masks.numpy().max(axis=(1, 2, 3)) == 0
    assert 0 < is_empty.sum() < 30
    np.testing.assert_array_equal(made_masks[~is_empty], masks[~is_empty])
    # Where a product would lie, an empty ground is no more different from its surroundings than elsewhere.
    inside = mask[..., 0] > 0
    contrast = np.abs(made.numpy()[:, inside].mean((1, 2)) - made.numpy()[:, ~inside].mean((1, 2)))
    assert contrast[is_empty].mean() < contrast[~is_empty].mean()


def test_windows_are_cut_from_photo_and_mask_alike():
    ramp = np.linspace(0, 1, 40, dtype="float32")
    both = np.stack([np.broadcast_to(ramp, [40, 40]), np.broadcast_to(1 - ramp, [40, 40])], axis=-1)
    windows = cut_windows(tf.constant(both[None].repeat(8, axis=0)), 24, tf.constant([3, 4])).numpy()
    assert windows.shape == (8, 24, 24, 2)
    np.testing.assert_allclose(windows.sum(axis=-1), 1.0, atol=1e-5)
    widths = windows[..., 0].max(axis=(1, 2)) - windows[..., 0].min(axis=(1, 2))
    assert widths.min() > 0.55
    assert np.ptp(widths) > 0.05


def test_a_data_set_without_masks_is_refused(small_data_set):
    with pytest.raises(WrongUsageError, match="must have masks, .* dataset=rendered_catalog, which has none"):
        batches(small_data_set)
    with pytest.raises(WrongUsageError, match="--masks DIR"):
        RECIPES["cutout"].check_data_set(small_data_set)


def test_other_models_train_on_the_photos_alone(masked):
    assert set(next(iter(masked.read("train").take(1)))) == {"image", "mask", "category"}
    assert not dataclasses.replace(masked).image_shape[0]


def test_masks_are_squared_with_their_photos(tmp_path):
    write_photos(tmp_path / "photos", 6)
    (tmp_path / "masks").mkdir()
    for index in range(6):
        Image.fromarray(np.full([50, 40], 255, "uint8")).save(tmp_path / "masks" / f"{index}.png")
    settings = CatalogSettings(
        images_dir=tmp_path / "photos",
        masks_dir=tmp_path / "masks",
        size=20,
        fit="pad",
        validation=0.2,
        test=0.2,
    )
    prepare("padded", tmp_path / "data", settings)
    element = next(iter(data_sets.find_prepared("padded", tmp_path / "data").read("train").take(1)))
    mask = element["mask"].numpy()[..., 0]
    # 50 x 40 pixels become 20 x 16, between two columns of padding on each side.
    assert (mask[:, 3:17] == 255).all()
    assert (mask[:, [0, 1, 18, 19]] == 0).all()
