"""Batches: order, resume, shapes, conversions, patches, errors."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from training import pipeline
from training.batch_order import BatchOrder
from training.data_sets import DataSet
from zoo import pixels, resize
from zoo.errors import UnknownNameError


@dataclasses.dataclass(frozen=True)
class PicturesInMemory(DataSet):
    """A data set of given pictures; picture i has category i % 3 and colour i % 2."""

    pictures: tuple = ()

    def read(self, split):
        self.check_split(split)
        height, width, channels = self.image_shape

        def generate():
            for index, picture in enumerate(self.pictures):
                yield {"image": picture, "category": index % 3, "colour": index % 2}

        scalar = tf.TensorSpec([], "int64")
        return tf.data.Dataset.from_generator(
            generate,
            output_signature={
                "image": tf.TensorSpec([height, width, channels], "uint8"),
                "category": scalar,
                "colour": scalar,
            },
        )


def make_data_set(pictures, image_shape=None):
    return PicturesInMemory(
        name="dummy",
        attributes={"category": ("a", "b", "c"), "colour": ("red", "blue")},
        image_shape=image_shape or pictures[0].shape,
        num_images={"train": len(pictures)},
        source="",
        builder=None,
        tfds_splits={"train": "train"},
        feature_names={},
        pictures=tuple(pictures),
    )


def numbered(count, size=8, channels=1):
    """Picture i is filled with i."""
    return make_data_set([np.full([size, size, channels], i, np.uint8) for i in range(count)])


def noise(count, height=24, width=30, channels=3):
    return list(np.random.default_rng(0).integers(0, 256, [count, height, width, channels], np.uint8))


def image_batches(data_set, **arguments):
    defaults = {"image_size": 8, "channels": 1, "batch_size": 4}
    return pipeline.make_image_batches(data_set, "train", **{**defaults, **arguments})


def patch_batches(data_set, **arguments):
    defaults = {"upscale_factor": 3, "patch_size": 9, "batch_size": 2}
    return pipeline.make_super_resolution_batches(data_set, "train", **{**defaults, **arguments})


def numbers(batches, count=None):
    """The numbers of the pictures, batch by batch."""
    return [images[:, 0, 0, 0].numpy().tolist() for images, _ in batches.take(-1 if count is None else count)]


CACHE_OR_STREAM = pytest.mark.parametrize("max_cache_bytes", [pipeline.MAX_CACHE_BYTES, 0])


@CACHE_OR_STREAM
def test_without_options_the_records_come_once_in_order(max_cache_bytes):
    batches = image_batches(numbered(10), max_cache_bytes=max_cache_bytes)
    assert numbers(batches) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    labels = [labels for _, labels in batches]
    assert labels[1]["category"].numpy().tolist() == [1, 2, 0, 1]
    assert labels[1]["colour"].numpy().tolist() == [0, 1, 0, 1]
    assert labels[0]["category"].dtype == "int32"


@CACHE_OR_STREAM
def test_drop_remainder(max_cache_bytes):
    batches = image_batches(numbered(10), drop_remainder=True, max_cache_bytes=max_cache_bytes)
    assert numbers(batches) == [[0, 1, 2, 3], [4, 5, 6, 7]]


@CACHE_OR_STREAM
def test_every_epoch_has_every_picture_once_in_another_order(max_cache_bytes):
    batches = image_batches(numbered(10), shuffle=True, repeat=True, seed=1, max_cache_bytes=max_cache_bytes)
    seen = sum(numbers(batches, 15), [])
    epochs = [seen[i : i + 10] for i in range(0, 60, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 6


@CACHE_OR_STREAM
def test_same_seed_same_batches(max_cache_bytes):
    options = {"shuffle": True, "repeat": True, "max_cache_bytes": max_cache_bytes}
    first = numbers(image_batches(numbered(50), seed=1, **options), 30)
    assert first == numbers(image_batches(numbered(50), seed=1, **options), 30)
    assert first != numbers(image_batches(numbered(50), seed=2, **options), 30)


@CACHE_OR_STREAM
@pytest.mark.parametrize("first_step", [1, 2, 3, 5, 12])
@pytest.mark.parametrize("shuffle", [False, True])
def test_resumed_run_goes_on_where_the_first_ended(first_step, shuffle, max_cache_bytes):
    options = {"shuffle": shuffle, "repeat": True, "seed": 3, "max_cache_bytes": max_cache_bytes}
    whole = numbers(image_batches(numbered(10), **options), 20)
    resumed = numbers(image_batches(numbered(10), first_step=first_step, **options), 20 - first_step)
    assert resumed == whole[first_step:]


@CACHE_OR_STREAM
def test_resume_without_repeat(max_cache_bytes):
    options = {"shuffle": True, "max_cache_bytes": max_cache_bytes}
    whole = numbers(image_batches(numbered(10), **options))
    for first_step in range(4):
        assert numbers(image_batches(numbered(10), first_step=first_step, **options)) == whole[first_step:]


def test_same_size_is_left_alone():
    pictures = noise(3, 8, 8, 1)
    (images, _), *_ = image_batches(make_data_set(pictures), batch_size=3)
    np.testing.assert_array_equal(images, pictures)
    assert images.dtype == "uint8"


def test_other_shapes_are_cut_to_the_centre_and_resized():
    picture = np.zeros([16, 32, 3], np.uint8)
    picture[:, 8:24] = 200  # the centre square
    (images, _), *_ = image_batches(make_data_set([picture]), channels=3, batch_size=1)
    np.testing.assert_array_equal(images, np.full([1, 8, 8, 3], 200))


def test_pictures_of_various_sizes():
    pictures = noise(1, 8, 8) + noise(1, 20, 12)
    (images, _), *_ = image_batches(make_data_set(pictures, (None, None, 3)), channels=3, batch_size=2)
    np.testing.assert_array_equal(images[0], pictures[0])
    expected = pixels.round_to_uint8(resize.bicubic(pictures[1][4:16], 8, 8))
    np.testing.assert_array_equal(images[1], expected)


def test_grey_and_rgb_are_converted():
    (images, _), *_ = image_batches(numbered(3), channels=3, batch_size=3)
    assert images.shape == (3, 8, 8, 3)
    np.testing.assert_array_equal(images[2], np.full([8, 8, 3], 2))
    red = make_data_set([np.full([8, 8, 3], [255, 0, 0], np.uint8)])
    (images, _), *_ = image_batches(red, batch_size=1)
    assert images[0, 0, 0].numpy().tolist() == [76]  # 0.299 of 255


def test_chosen_attributes():
    (_, labels), *_ = image_batches(numbered(4), attributes=["colour"])
    assert list(labels) == ["colour"]
    (_, labels), *_ = image_batches(numbered(4), attributes=[])
    assert labels == {}


def test_order_does_not_depend_on_batch_size():
    def order(batch_size):
        batches = BatchOrder(12, batch_size, True, True, 5, 0, False).make_batches()
        return np.concatenate([indices for indices, _ in batches.take(36 // batch_size)]).tolist()

    assert order(4) == order(6) == order(12)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"batch_size": 0}, "`batch_size` must be at least 1.*batch_size=0"),
        (
            {"batch_size": 11, "repeat": True},
            r"batch_size=11, 10 pictures in the split 'train'. Largest allowed: 10",
        ),
        ({"batch_size": 11, "drop_remainder": True}, "Largest allowed: 10"),
        ({"image_size": 0}, "`image_size` must be at least 1.*image_size=0"),
        ({"channels": 4}, r"`channels` must be 1 \(grey\) or 3 \(RGB\). Received: channels=4"),
        ({"first_step": -1}, "first_step=-1, steps: 3"),
        ({"first_step": 4}, "first_step=4, steps: 3"),
        ({"first_step": -1, "repeat": True}, "first_step=-1, steps: unlimited"),
    ],
)
def test_impossible_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        image_batches(numbered(10), **arguments)


def test_small_split_without_repeat_makes_one_batch():
    assert numbers(image_batches(numbered(3), batch_size=64)) == [[0, 1, 2]]


def test_unknown_attribute_and_split():
    with pytest.raises(
        UnknownNameError, match="Unknown attribute of dummy. Received: 'size'. Known: category, colour"
    ):
        image_batches(numbered(4), attributes=["size"])
    with pytest.raises(UnknownNameError, match="Unknown split of dummy. Received: 'validate'. Known: train"):
        pipeline.make_image_batches(numbered(4), "validate", image_size=8, channels=1, batch_size=2)


def find_patch(picture, patch, step):
    height, width = patch.shape[:2]
    return [
        (top, left)
        for top in range(0, picture.shape[0] - height + 1, step)
        for left in range(0, picture.shape[1] - width + 1, step)
        if np.array_equal(picture[top : top + height, left : left + width], patch)
    ]


@CACHE_OR_STREAM
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_patches_are_cut_from_the_same_place_of_both_resolutions(factor, max_cache_bytes):
    pictures = noise(4, 25, 31)
    batches = patch_batches(
        make_data_set(pictures),
        upscale_factor=factor,
        patch_size=2 * factor,
        batch_size=4,
        repeat=True,
        max_cache_bytes=max_cache_bytes,
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


@CACHE_OR_STREAM
def test_small_pictures_are_patches_as_a_whole(max_cache_bytes):
    pictures = noise(2, 8, 14, 1)
    [(low_res, high_res)] = patch_batches(
        make_data_set(pictures), patch_size=33, max_cache_bytes=max_cache_bytes
    )
    assert low_res.shape == (2, 2, 4, 1)
    np.testing.assert_array_equal(high_res, np.stack(pictures)[:, :6, :12])


@CACHE_OR_STREAM
@pytest.mark.parametrize("first_step", [1, 4])
def test_resumed_patches_are_the_same(first_step, max_cache_bytes):
    options = {"shuffle": True, "repeat": True, "seed": 2, "max_cache_bytes": max_cache_bytes}
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
    with pytest.raises(ValueError, match="smallest picture.*patch_size=12. Largest allowed: 9"):
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
