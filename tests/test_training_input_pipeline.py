"""Batches: order, resume, shapes, conversions, caches, augmentation, errors."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from pictures_in_memory import PicturesInMemory, assert_same_batches, make_data_set, noise, numbered

from training.input import pipeline
from training.input.batch_order import BatchOrder
from zoo.errors import UnknownNameError
from zoo.pictures import pixels, resize


def image_batches(data_set, **arguments):
    defaults = {"image_size": 8, "channels": 1, "batch_size": 4, "cache": "memory"}
    return pipeline.make_image_batches(data_set, "train", **{**defaults, **arguments})


def numbers(batches, count=None):
    """The numbers of the pictures, batch by batch."""
    return [images[:, 0, 0, 0].numpy().tolist() for images, _ in batches.take(-1 if count is None else count)]


def test_without_options_the_records_come_once_in_order(cached):
    batches = image_batches(numbered(10), **cached)
    assert numbers(batches) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    labels = [labels for _, labels in batches]
    assert labels[1]["category"].numpy().tolist() == [1, 2, 0, 1]
    assert labels[1]["colour"].numpy().tolist() == [0, 1, 0, 1]
    assert labels[0]["category"].dtype == "int32"


def test_drop_remainder(cached):
    batches = image_batches(numbered(10), drop_remainder=True, **cached)
    assert numbers(batches) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_every_epoch_has_every_picture_once_in_another_order(cached):
    batches = image_batches(numbered(10), shuffle=True, repeat=True, seed=1, **cached)
    seen = sum(numbers(batches, 15), [])
    epochs = [seen[i : i + 10] for i in range(0, 60, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 6


def test_same_seed_same_batches(cached):
    options = {"shuffle": True, "repeat": True, **cached}
    first = numbers(image_batches(numbered(50), seed=1, **options), 30)
    assert first == numbers(image_batches(numbered(50), seed=1, **options), 30)
    assert first != numbers(image_batches(numbered(50), seed=2, **options), 30)


@pytest.mark.parametrize("first_step", [1, 3, 12])
@pytest.mark.parametrize("shuffle", [False, True])
def test_resumed_run_goes_on_where_the_first_ended(first_step, shuffle, cached):
    options = {"shuffle": shuffle, "repeat": True, "seed": 3, **cached}
    whole = numbers(image_batches(numbered(10), **options), 20)
    resumed = numbers(image_batches(numbered(10), first_step=first_step, **options), 20 - first_step)
    assert resumed == whole[first_step:]


def test_the_global_seed_changes_nothing(cached):
    options = {"shuffle": True, "repeat": True, "seed": 3, **cached}
    expected = numbers(image_batches(numbered(50), **options), 15)
    for seed in (0, 7):
        tf.random.set_seed(seed)
        assert numbers(image_batches(numbered(50), **options), 15) == expected


def test_resume_without_repeat(cached):
    options = {"shuffle": True, **cached}
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


CHANGES = ("crop", "flip", "hue", "blur")


def test_augmented_batches_are_the_same_for_a_seed_and_go_on_where_they_ended(cached):
    data_set = make_data_set(noise(10, 8, 8))
    options = {"shuffle": True, "repeat": True, "channels": 3, "augment": CHANGES, **cached}
    whole = list(image_batches(data_set, seed=1, **options).take(8))
    assert_same_batches(image_batches(data_set, seed=1, **options).take(8), whole)
    assert_same_batches(image_batches(data_set, seed=1, first_step=5, **options).take(3), whole[5:])
    other = list(image_batches(data_set, seed=2, **options).take(1))
    assert not np.array_equal(other[0][0], whole[0][0])
    assert all(images.dtype == "uint8" for images, _ in whole)


def test_memory_and_disk_give_the_same_batches(tmp_path):
    data_set = make_data_set(noise(10, 8, 8))
    options = {"shuffle": True, "repeat": True, "channels": 3, "augment": CHANGES, "cache_dir": tmp_path}
    expected = image_batches(data_set, cache="memory", **options).take(6)
    assert_same_batches(image_batches(data_set, cache="disk", **options).take(6), expected)
    assert_same_batches(image_batches(data_set, cache="disk", **options).take(6), expected)


def test_a_picture_changes_in_another_way_every_time_it_comes():
    batches = image_batches(
        make_data_set(noise(1, 8, 8)), channels=3, batch_size=1, repeat=True, augment=CHANGES
    )
    assert len({images.numpy().tobytes() for images, _ in batches.take(8)}) == 8


def test_the_order_does_not_depend_on_the_changes():
    plain = image_batches(numbered(10), shuffle=True, repeat=True)
    flipped = image_batches(numbered(10), shuffle=True, repeat=True, augment=["flip"])
    assert numbers(plain, 6) == numbers(flipped, 6)


def test_the_cache_is_chosen_by_size_when_none_is_named(tmp_path, monkeypatch):
    data_set = make_data_set(noise(10, 8, 8))
    options = {"channels": 3, "cache": None, "cache_dir": tmp_path / "cache"}
    expected = list(image_batches(data_set, **options))
    assert not (tmp_path / "cache").exists()
    monkeypatch.setattr("training.input.picture_cache.MAX_MEMORY_BYTES", 100)
    assert_same_batches(image_batches(data_set, **options), expected)
    assert (tmp_path / "cache").exists()


def test_streaming_does_not_take_more_memory_with_every_batch():
    picture = np.random.default_rng(0).integers(0, 256, [32, 32, 3], "uint8")
    elements = {"image": picture, "category": np.int64(0), "colour": np.int64(0)}

    class Endless(PicturesInMemory):
        def read(self, split):
            return tf.data.Dataset.from_tensors(elements).repeat(self.num_images[split])

    huge = Endless(**{**vars(make_data_set([picture])), "num_images": {"train": 10_000_000}})
    batches = iter(
        image_batches(huge, image_size=32, channels=3, batch_size=64, shuffle=True, repeat=True, cache="none")
    )

    def read_batches(count):
        for _ in range(count):
            next(batches)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    # The shuffle buffer is full after some batches; 400 batches are 79 MB.
    before = read_batches(100)
    assert read_batches(400) - before < 30e6


def test_no_thread_tunes_batches_that_somebody_would_wait_for(small_data_set):
    batches = pipeline.make_image_batches(
        small_data_set, "validation", image_size=8, channels=3, batch_size=4
    )
    assert batches.options().autotune.enabled is False
