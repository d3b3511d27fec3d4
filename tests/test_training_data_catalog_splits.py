"""Splits: stable, stratified, and without near duplicates across them."""

import io

import numpy as np
import pytest
from catalog_files import draw_photo
from PIL import Image, ImageEnhance

from training.data.catalog.near_duplicates import group_near_duplicates
from training.data.catalog.photo import PhotoSettings, read_photo
from training.data.catalog.splits import assign_splits, complete_splits, keep_together
from training.data.data_sets import SPLITS

FRACTIONS = {"validation": 0.1, "test": 0.2}


def random_places(num_groups, seed=0):
    return dict(enumerate(np.random.default_rng(seed).random(num_groups).tolist()))


def shares(splits, strata, stratum):
    members = [splits[group] for group in splits if strata[group] == stratum]
    return {split: members.count(split) / len(members) for split in ("train", "validation", "test")}


def test_every_category_has_its_share():
    places = random_places(3300)
    strata = {group: "rare" if group < 30 else "common" if group < 300 else "most" for group in places}
    splits = assign_splits(places, strata, FRACTIONS)
    assert shares(splits, strata, "most") == pytest.approx(
        {"train": 0.7, "validation": 0.1, "test": 0.2}, abs=0.02
    )
    for stratum in ("rare", "common"):
        for split, share in FRACTIONS.items():
            assert share / 3 <= shares(splits, strata, stratum)[split] <= share * 2


@pytest.mark.parametrize(
    ("num_groups", "expected"), [(1, ["train"]), (2, ["test", "train"]), (3, ["test", "train", "validation"])]
)
def test_few_photos_of_a_category(num_groups, expected):
    for seed in range(20):
        splits = assign_splits(
            random_places(num_groups, seed), dict.fromkeys(range(num_groups), "a"), FRACTIONS
        )
        assert sorted(splits.values()) == expected


def test_splits_stay_when_rows_are_added():
    places = random_places(2000)
    strata = {group: str(group % 4) for group in places}
    before = assign_splits({group: places[group] for group in range(1500)}, strata, FRACTIONS)
    after = assign_splits(places, strata, FRACTIONS)
    assert {group: after[group] for group in before} == before


def test_a_group_in_two_splits_moves_to_the_more_harmless_one():
    named = {1: ["test", "train", ""], 2: ["test", "validation"], 3: ["", ""], 4: ["test"]}
    assert keep_together(named) == {1: "train", 2: "validation", 4: "test"}


def test_splits_that_the_table_never_names_are_cut_out_of_train():
    places = random_places(100)
    by_table = {group: "validation" if group < 10 else "train" for group in places}
    splits, cut = complete_splits(by_table, places, dict.fromkeys(places, "a"), FRACTIONS)
    assert cut == ["test"]
    assert all(splits[group] == "validation" for group in range(10))
    assert 9 <= list(splits.values()).count("test") <= 27


def test_both_splits_cut_out_of_train_have_their_share():
    places = random_places(2000)
    strata = {group: "ab"[group % 2] for group in places}
    splits, cut = complete_splits(dict.fromkeys(places, "train"), places, strata, FRACTIONS)
    assert cut == ["test", "validation"]
    assert splits == assign_splits(places, strata, FRACTIONS)


def test_too_few_photos():
    with pytest.raises(ValueError, match="Received: 2 dissimilar photos in 1 categories.*validation empty"):
        complete_splits({}, random_places(2), {0: "a", 1: "a"}, FRACTIONS)


CHANGES = {
    "compression": lambda photo: (photo, {"format": "JPEG", "quality": 50}),
    "half size": lambda photo: (photo.resize((120, 150)), {"format": "PNG"}),
    "lighter": lambda photo: (ImageEnhance.Brightness(photo).enhance(1.1), {"format": "PNG"}),
    "darker": lambda photo: (ImageEnhance.Brightness(photo).enhance(0.8), {"format": "JPEG"}),
    "cut by a pixel": lambda photo: (photo.crop((1, 1, 239, 299)), {"format": "PNG"}),
    "another format": lambda photo: (photo, {"format": "WEBP"}),
}


def look_at(pictures, directory):
    photos = []
    for picture, options in pictures:
        buffer = io.BytesIO()
        picture.save(buffer, **options)
        (directory / "photo").write_bytes(buffer.getvalue())
        photos.append(read_photo("photo", PhotoSettings(images_dir=directory, size=64)))
    hashes = np.array([photo.perceptual_hash for photo in photos], "uint64")
    return group_near_duplicates(hashes, np.stack([photo.thumbnail for photo in photos])).tolist()


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found_among_others(tmp_path, change):
    photos = [draw_photo(seed, 240, 300) for seed in range(30)]
    copies = [CHANGES[change](photo) for photo in photos]
    originals = [(photo, {"format": "PNG"}) for photo in photos]
    assert look_at(originals + copies, tmp_path) == [*range(30), *range(30)]


def test_a_copy_without_detail_is_found(tmp_path):
    rows, columns = np.mgrid[0:240, 0:300]
    slope = Image.fromarray(np.stack([columns * 0.8, rows * 0.9, columns * 0.3], axis=-1).astype("uint8"))
    assert look_at([(slope, {"format": "PNG"}), (slope, {"format": "JPEG", "quality": 60})], tmp_path) == [
        0,
        0,
    ]


def test_plain_colours_are_told_apart(tmp_path):
    colours = [(200, 0, 0), (0, 200, 0), (90, 90, 90), (110, 110, 110), (255, 255, 255), (201, 1, 0)]
    pictures = [(Image.new("RGB", (60, 60), colour), {"format": "PNG"}) for colour in colours]
    assert look_at(pictures, tmp_path) == [0, 1, 2, 3, 4, 0]


def test_what_is_alike_through_a_third_belongs_together():
    thumbnails = np.repeat(np.asarray(draw_photo(1, 8, 8))[np.newaxis], 4, axis=0)
    hashes = np.array([0, 0xFF, 0xFFFF, 0xFFFFFFFFFFFF], "uint64")
    thumbnails[3] = 255 - thumbnails[3]
    assert group_near_duplicates(hashes, thumbnails).tolist() == [0, 0, 0, 3]


def test_shares_hold_by_photos_where_groups_are_large():
    """One group of 26 look-alikes and 22 single photos: the group is too large for a tenth."""
    for seed in range(30):
        places = random_places(23, seed)
        sizes = dict.fromkeys(places, 1) | {0: 26}
        splits = assign_splits(places, dict.fromkeys(places, "a"), {"validation": 0.1, "test": 0.1}, sizes)
        photos = {split: sum(sizes[group] for group in splits if splits[group] == split) for split in SPLITS}
        assert splits[0] == "train"
        assert all(48 * 0.1 / 3 <= photos[split] <= 2 * 48 * 0.1 for split in ("validation", "test"))


def test_where_every_group_is_too_large_the_smallest_makes_the_split():
    splits = assign_splits(
        {1: 0.1, 2: 0.5, 3: 0.9}, dict.fromkeys((1, 2, 3), "a"), FRACTIONS, {1: 50, 2: 9, 3: 20}
    )
    assert splits == {2: "test", 3: "validation", 1: "train"}
