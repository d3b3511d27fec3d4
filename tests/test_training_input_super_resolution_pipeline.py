"""Pairs of patches: positions, borders, resume, augmentation, degradation, errors."""

import functools

import numpy as np
import pytest
from pictures_in_memory import assert_same_batches, make_data_set, noise, numbered

from training.input import super_resolution_pipeline
from training.input.super_resolution_pipeline import SCALES, make_super_resolution_batches, make_whole_pairs
from zoo.errors import UnknownNameError
from zoo.pictures import pixels, resize


def patch_batches(data_set, **arguments):
    defaults = {"upscale_factor": 3, "patch_size": 9, "batch_size": 2, "cache": "memory"}
    return make_super_resolution_batches(data_set, "train", **{**defaults, **arguments})


def find_patch(picture, patch, step):
    height, width = patch.shape[:2]
    return [
        (top, left)
        for top in range(0, picture.shape[0] - height + 1, step)
        for left in range(0, picture.shape[1] - width + 1, step)
        if np.array_equal(picture[top : top + height, left : left + width], patch)
    ]


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_patches_are_cut_from_the_same_place_of_both_resolutions(factor, cached):
    pictures = noise(4, 25, 31)
    batches = patch_batches(
        make_data_set(pictures),
        upscale_factor=factor,
        patch_size=2 * factor,
        batch_size=4,
        repeat=True,
        **cached,
    )
    places = set()
    for low_res_images, high_res_images in batches.take(4):
        assert low_res_images.dtype == high_res_images.dtype == "uint8"
        assert low_res_images.shape == (4, 2, 2, 3)
        assert high_res_images.shape == (4, 2 * factor, 2 * factor, 3)
        for picture, low_res, high_res in zip(pictures, low_res_images, high_res_images, strict=True):
            whole = picture[: 25 // factor * factor, : 31 // factor * factor]
            small = pixels.round_to_uint8(resize.bicubic(whole, 25 // factor, 31 // factor)).numpy()
            [(top, left)] = find_patch(whole, high_res.numpy(), factor)
            np.testing.assert_array_equal(
                low_res, small[top // factor : top // factor + 2, left // factor : left // factor + 2]
            )
            places.add((top, left))
    assert len(places) > 8


def test_patches_reach_every_border():
    data_set = make_data_set(noise(1, 12, 12, 1))
    batches = patch_batches(data_set, patch_size=6, batch_size=1, repeat=True)
    places = {find_patch(data_set.pictures[0], high[0].numpy(), 3)[0] for _, high in batches.take(120)}
    assert places == {(top, left) for top in (0, 3, 6) for left in (0, 3, 6)}


def test_small_pictures_are_patches_as_a_whole(cached):
    pictures = noise(2, 8, 14, 1)
    [(low_res, high_res)] = patch_batches(make_data_set(pictures), patch_size=33, **cached)
    assert low_res.shape == (2, 2, 4, 1)
    np.testing.assert_array_equal(high_res, np.stack(pictures)[:, :6, :12])


@pytest.mark.parametrize("first_step", [1, 4])
def test_resumed_patches_are_the_same(first_step, cached):
    options = {"shuffle": True, "repeat": True, "seed": 2, **cached}
    data_set = make_data_set(noise(5))
    whole = list(patch_batches(data_set, **options).take(8))
    resumed = list(patch_batches(data_set, first_step=first_step, **options).take(8 - first_step))
    for expected, found in zip(whole[first_step:], resumed, strict=True):
        np.testing.assert_array_equal(expected[0], found[0])
        np.testing.assert_array_equal(expected[1], found[1])


def test_patches_of_pictures_of_various_sizes():
    pictures = noise(1, 10, 12) + noise(1, 30, 20)
    data_set = make_data_set(pictures, (None, None, 3))
    [(_, high_res)] = patch_batches(data_set)
    for picture, patch in zip(pictures, high_res, strict=True):
        assert find_patch(picture, patch.numpy(), 3)


def test_pictures_smaller_than_a_patch_are_extended(capsys):
    """One small photo among others must not end a training."""
    pictures = [*noise(1, 10, 12), *noise(2, 30, 20)]
    data_set = make_data_set(pictures, (None, None, 3))
    for cache in ("memory", "none"):
        [(_, high_res)] = patch_batches(data_set, patch_size=15, batch_size=3, cache=cache)
        assert find_patch(pictures[1], high_res[1].numpy(), 3)
        extended = np.pad(pictures[0][:9], ((0, 6), (0, 3), (0, 0)), "symmetric")
        np.testing.assert_array_equal(high_res[0], extended)
    warning = (
        "1 of 3 pictures are smaller than a patch of 15 pixels; they are extended by their mirror images."
    )
    assert warning in capsys.readouterr().err


def test_a_patch_that_few_pictures_fill_is_refused():
    data_set = make_data_set([*noise(2, 10, 12), *noise(1, 30, 20)], (None, None, 3))
    with pytest.raises(ValueError, match="patch_size=12, larger than 2 of 3 pictures.* such as 9, with"):
        patch_batches(data_set, patch_size=12)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"upscale_factor": 1}, "`upscale_factor` must be at least 2.*upscale_factor=1"),
        (
            {"patch_size": 10},
            "multiple of `upscale_factor`.*patch_size=10, upscale_factor=3. Nearest allowed: 9",
        ),
        ({"patch_size": 0}, "Nearest allowed: 3"),
        ({"upscale_factor": 9, "patch_size": 9}, r"picture shape \(8, 8, 1\) of dummy. Largest allowed: 8"),
        ({"batch_size": 11, "repeat": True}, "Largest allowed: 10"),
    ],
)
def test_impossible_patches(arguments, text):
    with pytest.raises(ValueError, match=text):
        patch_batches(numbered(10), **arguments)


@pytest.mark.parametrize("factor", [2, 3])
def test_changed_patches_are_pairs_of_the_same_place_and_flip(cached, factor):
    pictures = noise(4, 25, 31)
    data_set = make_data_set(pictures)
    batches = patch_batches(
        data_set,
        upscale_factor=factor,
        patch_size=4 * factor,
        batch_size=4,
        repeat=True,
        augment=["flip"],
        **cached,
    )
    for low_res_images, high_res_images in batches.take(4):
        assert low_res_images.shape == (4, 4, 4, 3)
        for picture, low_res, high_res in zip(pictures, low_res_images, high_res_images, strict=True):
            whole = picture[: 25 // factor * factor, : 31 // factor * factor]
            small = pixels.round_to_uint8(resize.bicubic(whole, 25 // factor, 31 // factor)).numpy()
            places = {step: find_patch(whole, high_res.numpy()[:, ::step], factor) for step in (1, -1)}
            [(step, [(top, left)])] = [(step, found) for step, found in places.items() if found]
            top, left = top // factor, left // factor
            expected = small[top : top + 4, left : left + 4][:, ::step].astype("int32")
            # Inside they are the patches of the whole picture; its own border is continued by reflection.
            inner = (slice(1, -1), slice(1, -1))
            assert np.abs(low_res.numpy().astype("int32") - expected)[inner].max() <= 1


def test_degraded_patches_leave_the_full_resolution_alone(cached):
    data_set = make_data_set(noise(5))
    options = {"shuffle": True, "repeat": True, "seed": 2, **cached}
    plain = list(patch_batches(data_set, **options).take(6))
    worse = list(patch_batches(data_set, degrade=["blur", "jpeg"], **options).take(6))
    for (low_res, high_res), (worse_low_res, same_high_res) in zip(plain, worse, strict=True):
        np.testing.assert_array_equal(high_res, same_high_res)
        assert np.abs(low_res.numpy().astype("int32") - worse_low_res).mean() > 2
    resumed = patch_batches(data_set, degrade=["blur", "jpeg"], first_step=4, **options).take(2)
    assert_same_batches(resumed, worse[4:])


def test_super_resolution_refuses_what_would_soften_its_targets():
    with pytest.raises(UnknownNameError, match="'rotation'.*excludes those that would soften its targets"):
        patch_batches(numbered(10), augment=["flip", "rotation"])


def scaled(picture, scale):
    height, width = (round(scale * side) for side in picture.shape[:2])
    shrunk = picture if scale == 1 else pixels.round_to_uint8(resize.bicubic(picture, height, width)).numpy()
    return shrunk[: height // 3 * 3, : width // 3 * 3]


def test_each_picture_counts_in_five_sizes(cached):
    pictures = noise(2, 40, 30)
    batches = list(patch_batches(make_data_set(pictures), augment=["scale"], batch_size=5, **cached))
    assert len(batches) == 2
    for picture, (_, high_res_images) in zip(pictures, batches, strict=True):
        for scale, patch in zip(SCALES, high_res_images, strict=True):
            assert find_patch(scaled(picture, scale), patch.numpy(), 3)


def test_no_picture_becomes_smaller_than_a_patch():
    data_set = make_data_set(noise(2, 10, 14), (None, None, 3))
    batches = list(patch_batches(data_set, augment=["scale"], patch_size=9, batch_size=5))
    assert [high_res.shape for _, high_res in batches] == [(5, 9, 9, 3)] * 2


def restore(is_mirrored, num_turns, patch):
    return np.rot90(patch[:, ::-1] if is_mirrored else patch, num_turns)


def test_mirrored_and_turned_patches_are_pairs(cached):
    pictures = noise(3, 24, 24)
    batches = patch_batches(
        make_data_set(pictures), augment=["flip", "turn"], batch_size=3, repeat=True, **cached
    )
    seen = set()
    for low_res_images, high_res_images in batches.take(12):
        for picture, low_res, high_res in zip(pictures, low_res_images, high_res_images, strict=True):
            small = pixels.round_to_uint8(resize.bicubic(picture, 8, 8)).numpy()
            found = [
                (is_mirrored, num_turns, top // 3, left // 3, restored)
                for is_mirrored in (False, True)
                for num_turns in range(4)
                for restored in [functools.partial(restore, is_mirrored, num_turns)]
                for top, left in find_patch(picture, restored(high_res.numpy()), 3)
            ]
            [(is_mirrored, num_turns, top, left, restored)] = found
            np.testing.assert_array_equal(restored(low_res.numpy()), small[top : top + 3, left : left + 3])
            seen.add((is_mirrored, num_turns))
    assert len(seen) == 8


def test_changed_patches_are_the_same_after_a_resume():
    data_set = make_data_set(noise(5, 20, 20))
    options = {"augment": ["flip", "turn", "scale"], "shuffle": True, "repeat": True, "seed": 2}
    whole = list(patch_batches(data_set, **options).take(6))
    assert_same_batches(patch_batches(data_set, first_step=4, **options).take(2), whole[4:])


def test_whole_pairs_follow_the_protocol(monkeypatch):
    pictures = noise(1, 25, 31) + noise(1, 14, 9)
    data_set = make_data_set(pictures, (None, None, 3))
    pairs = list(make_whole_pairs(data_set, "train", upscale_factor=3))
    for picture, (low_res, high_res) in zip(pictures, pairs, strict=True):
        height, width = (side // 3 for side in picture.shape[:2])
        np.testing.assert_array_equal(high_res[0], picture[: 3 * height, : 3 * width])
        expected = pixels.round_to_uint8(resize.bicubic(high_res, height, width))
        np.testing.assert_array_equal(low_res, expected)
    monkeypatch.setattr(super_resolution_pipeline, "MAX_WHOLE_PIXELS", 12)
    (_, high_res), (_, small) = make_whole_pairs(data_set, "train", upscale_factor=3)
    np.testing.assert_array_equal(high_res[0], pictures[0][6:18, 9:21])
    np.testing.assert_array_equal(small[0], pictures[1][1:13])


@pytest.mark.parametrize("augment", [[], ["flip"], ["turn", "scale", "colour"]])
def test_memory_and_disk_give_the_same_patches(tmp_path, augment):
    data_set = make_data_set(noise(1, 10, 12) + noise(4, 14, 9), (None, None, 3))
    options = {"shuffle": True, "repeat": True, "augment": augment, "cache_dir": tmp_path}
    expected = patch_batches(data_set, **options).take(6)
    assert_same_batches(patch_batches(data_set, **options, cache="disk").take(6), expected)
