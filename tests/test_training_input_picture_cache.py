"""Caches of decoded photos: the choice of one, and disk caches that are complete or absent."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from training.data.data_sets import load_data_set
from training.data.rendered import builder as rendered_catalog
from training.input import picture_cache
from training.input.disk_cache import open_disk_cache
from training.input.memory_cache import PictureStore
from training.input.pipeline import make_image_batches
from zoo.errors import UnknownNameError

GIB = 1 << 30


def make_elements(count=6):
    """Pictures of various sizes with a number each."""
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, [4 + i, 9 - i, 3], "uint8") for i in range(count)]

    def generate():
        for number, picture in enumerate(pictures):
            yield {"image": picture, "number": number}

    signature = {"image": tf.TensorSpec([None, None, 3], "uint8"), "number": tf.TensorSpec([], "int32")}
    return pictures, tf.data.Dataset.from_generator(generate, output_signature=signature)


def open_cache(cache_dir, elements, count=6, **content):
    return open_disk_cache(elements, count, cache_dir, content, "Reading")


def broken():
    """Elements that must not be read."""
    _, elements = make_elements()
    return elements.map(lambda element: {**element, "number": tf.constant(1) // (0 * element["number"])})


def test_disk_and_memory_give_the_same_windows(tmp_path):
    pictures, elements = make_elements()
    files, columns = open_cache(tmp_path / "cache", elements)
    store = PictureStore.from_pictures(pictures)
    np.testing.assert_array_equal(columns["number"], range(6))
    for margin in (0, 1, 7):
        place = ([5, 0, 3], tf.constant([2, 0, 1], "int64"), tf.constant([0, 4, 2], "int64"))
        expected = store.cut(*place, height=3, width=4, margin=margin)
        np.testing.assert_array_equal(files["image"].cut(*place, 3, 4, margin), expected)
    np.testing.assert_array_equal(files["image"].take([2], 6, 7)[0], pictures[2])


def test_a_margin_reflects_the_picture():
    store = PictureStore.from_pictures([np.arange(6, dtype="uint8").reshape(2, 3, 1)])
    window = store.cut([0], [0], [0], height=2, width=3, margin=2).numpy()[0, ..., 0]
    expected = np.pad(np.arange(6).reshape(2, 3), 2, "symmetric")
    np.testing.assert_array_equal(window, expected)


def test_a_cache_is_used_again_and_other_content_gets_another(tmp_path):
    _, elements = make_elements()
    open_cache(tmp_path, elements, image_size=8)
    _, columns = open_cache(tmp_path, broken(), image_size=8)
    np.testing.assert_array_equal(columns["number"], range(6))
    open_cache(tmp_path, elements, image_size=9)
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 2


def test_a_damaged_cache_is_made_again(tmp_path):
    pictures, elements = make_elements()
    for damage in ("cut", "empty index", "no index", "no pixels"):
        open_cache(tmp_path, elements)
        [directory] = [path for path in tmp_path.iterdir() if path.is_dir()]
        index, pixels = directory / "index.npz", directory / "image.pixels"
        if damage == "cut":
            os.truncate(pixels, 10)
        elif damage == "empty index":
            index.write_bytes(b"")
        else:
            (index if damage == "no index" else pixels).unlink()
        files, _ = open_cache(tmp_path, elements)
        np.testing.assert_array_equal(files["image"].take([5], 9, 4)[0], pictures[5])


def test_a_cache_that_shrinks_while_it_is_read_is_named(tmp_path):
    _, elements = make_elements()
    files, _ = open_cache(tmp_path, elements)
    os.truncate(files["image"].path, 10)
    with pytest.raises(OSError, match="image.pixels, which ends early. Delete it"):
        files["image"].take([5], 9, 4)


def test_a_data_set_that_is_replaced_takes_its_cache_with_it(tmp_path):
    def read_pictures(seed):
        rendered_catalog.prepare(tmp_path, size=8, count=10, seed=seed, overwrite=True)
        data_set = load_data_set("rendered_catalog", tmp_path)
        batches = make_image_batches(data_set, "train", image_size=8, channels=3, batch_size=8, cache="disk")
        [(images, _)] = batches
        assert len(list(picture_cache.default_cache_dir(data_set).glob("*/index.npz"))) == 1
        return images.numpy()

    first = read_pictures(seed=1)
    assert not np.array_equal(first, read_pictures(seed=2))
    np.testing.assert_array_equal(first, read_pictures(seed=1))


def test_an_error_leaves_nothing_behind(tmp_path):
    with pytest.raises(tf.errors.InvalidArgumentError):
        open_cache(tmp_path, broken())
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_process_that_is_killed_leaves_no_cache_and_the_next_one_cleans_up(tmp_path):
    script = (
        "import os, signal, sys, tensorflow as tf;"
        "from pathlib import Path;"
        "from training.input.disk_cache import open_disk_cache;"
        "stop = lambda n: os.kill(os.getpid(), signal.SIGKILL) if n == 5 else n;"
        "elements = tf.data.Dataset.range(6).map(lambda n: {"
        "'image': tf.zeros([400, 400, 3], 'uint8'), 'number': tf.py_function(stop, [n], 'int64')});"
        "open_disk_cache(elements.map(lambda e: {**e, 'number': tf.ensure_shape(e['number'], [])}),"
        " 6, Path(sys.argv[1]), {}, '')"
    )
    repository = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], cwd=repository, check=False, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL
    [leftover] = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert leftover.name.startswith(".writing-")
    pictures, elements = make_elements()
    files, _ = open_cache(tmp_path, elements)
    np.testing.assert_array_equal(files["image"].take([5], 9, 4)[0], pictures[5])
    assert not leftover.exists()


def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    # A file in its place, because root may write to every directory.
    (tmp_path / "file").write_text("")
    _, elements = make_elements()
    message = (
        f"must be writable and have enough free space. Received: {tmp_path / 'file'} (File exists). "
        "Free some space, or choose `--cache memory` or `--cache none`."
    )
    with pytest.raises(OSError, match=re.escape(message)):
        open_cache(tmp_path / "file", elements)


@pytest.mark.parametrize(
    ("num_bytes", "free_memory", "free_disk", "chosen"),
    [
        (2 * GIB, 8 * GIB, 0, "memory"),
        (2 * GIB + 1, 99 * GIB, 99 * GIB, "disk"),
        (2 * GIB, 8 * GIB - 4, 4 * GIB, "disk"),
        (2 * GIB, 8 * GIB - 4, 4 * GIB - 1, "none"),
    ],
)
def test_the_cache_is_chosen_by_size(monkeypatch, tmp_path, num_bytes, free_memory, free_disk, chosen):
    monkeypatch.setattr(picture_cache, "free_memory_bytes", lambda: free_memory)
    monkeypatch.setattr(
        picture_cache.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free_disk})
    )
    assert picture_cache.choose_cache(num_bytes, tmp_path / "not" / "there") == chosen


def test_a_directory_that_is_read_only_is_not_chosen(monkeypatch, tmp_path):
    monkeypatch.setattr(picture_cache.os, "access", lambda path, mode: False)
    assert picture_cache.choose_cache(3 * GIB, tmp_path) == "none"


def test_a_container_has_the_memory_that_it_may_use(monkeypatch, tmp_path):
    monkeypatch.setattr(picture_cache, "_CGROUP", tmp_path)
    unlimited = picture_cache.free_memory_bytes()
    assert unlimited > 0
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("400\n")
    assert picture_cache.free_memory_bytes() == 600
    (tmp_path / "memory.max").write_text("max\n")
    assert picture_cache.free_memory_bytes() > 1000


def test_where_the_system_does_not_tell_nothing_is_kept_in_memory_unasked(monkeypatch, tmp_path):
    monkeypatch.setattr(picture_cache, "_MEMINFO", tmp_path / "none")
    assert picture_cache.free_memory_bytes() == 0
    assert picture_cache.choose_cache(1_000, tmp_path) == "disk"


def test_sizes_are_known_or_estimated():
    pictures, elements = make_elements()
    expected = sum(picture.nbytes + 4 for picture in pictures)
    assert picture_cache.estimate_bytes(elements, 6) == expected
    assert picture_cache.estimate_bytes(elements, 600) == pytest.approx(100 * expected, abs=1)
    fixed = tf.data.Dataset.from_tensors({"image": tf.zeros([4, 5, 3], "uint8"), "number": 1})
    assert picture_cache.estimate_bytes(fixed, 1000) == 64_000


def test_an_unknown_cache_is_answered_with_those_that_exist():
    with pytest.raises(UnknownNameError, match="Unknown cache. Received: 'tape'. Known: memory, disk, none."):
        picture_cache.check_cache("tape")
