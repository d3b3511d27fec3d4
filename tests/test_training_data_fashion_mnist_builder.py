"""Fashion-MNIST prepared from IDX files: sources, checksums, error texts, crash safety."""

import gzip
import hashlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from training.data import data_sets, preparation
from training.data.fashion_mnist import builder as fashion_mnist
from training.data.fashion_mnist import idx_files

NUM_IMAGES = {"train": 24, "t10k": 5}
LABELS = "t10k-labels-idx1-ubyte"


def write_idx_files(directory: Path, packed: bool = False) -> dict[str, str]:
    """Writes four tiny files, picture i filled with i; returns their checksums."""
    directory.mkdir(exist_ok=True)
    sha256 = {}
    for prefix, number in NUM_IMAGES.items():
        pixels = np.repeat(np.arange(number, dtype=np.uint8), 28 * 28).tobytes()
        contents = {
            f"{prefix}-images-idx3-ubyte": struct.pack(">4B3I", 0, 0, 8, 3, number, 28, 28) + pixels,
            f"{prefix}-labels-idx1-ubyte": struct.pack(">4BI", 0, 0, 8, 1, number)
            + bytes(i % 10 for i in range(number)),
        }
        for name, content in contents.items():
            sha256[name] = hashlib.sha256(content).hexdigest()
            if packed:
                (directory / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (directory / name).write_bytes(content)
    return sha256


@pytest.fixture
def idx_dir(tmp_path, monkeypatch):
    """A directory of tiny IDX files whose checksums are the expected ones; nothing else is in reach."""
    directory = tmp_path / "idx"
    sha256 = write_idx_files(directory)
    monkeypatch.setattr(
        fashion_mnist.FashionMnist.__init__, "__kwdefaults__", {"images_dir": None, "sha256": sha256}
    )
    monkeypatch.setattr(fashion_mnist, "DEBIAN_DIR", str(tmp_path / "no-such-directory"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    return directory


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("network is closed")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def read(data_set, split):
    return [(int(x["image"][0, 0, 0]), int(x["category"])) for x in data_set.read(split)]


def test_prepares_plain_files(idx_dir, tmp_path, no_network):
    fashion_mnist.prepare(tmp_path / "data", images_dir=idx_dir)
    data_set = data_sets.load_data_set("fashion_mnist", tmp_path / "data")
    assert data_set.attributes == {"category": fashion_mnist.CATEGORIES}
    assert data_set.image_shape == (28, 28, 1)
    assert data_set.num_images == {"train": 22, "validation": 2, "test": 5}
    assert f"local IDX files in {idx_dir}" in data_set.source
    pictures = read(data_set, "train") + read(data_set, "validation")
    assert sorted(pictures) == [(i, i % 10) for i in range(24)]
    assert sorted(read(data_set, "test")) == [(i, i) for i in range(5)]


def test_names_are_in_label_order():
    assert fashion_mnist.CATEGORIES[0] == "t-shirt/top"
    assert fashion_mnist.CATEGORIES[9] == "ankle boot"
    assert len(fashion_mnist.CATEGORIES) == 10


def test_gzipped_files_in_default_directory(idx_dir, tmp_path, monkeypatch, no_network):
    write_idx_files(tmp_path / "packed", packed=True)
    monkeypatch.setattr(fashion_mnist, "DEBIAN_DIR", str(tmp_path / "packed"))
    data_set = data_sets.load_data_set("fashion_mnist", tmp_path / "data")
    assert len(read(data_set, "test")) == 5
    assert str(tmp_path / "packed") in data_set.source


def test_missing_file(idx_dir, tmp_path):
    (idx_dir / LABELS).unlink()
    with pytest.raises(
        idx_files.IdxFileError, match=f"missing.*{LABELS}.*expected sha256=[0-9a-f]{{64}}, found no"
    ):
        fashion_mnist.prepare(tmp_path / "data", images_dir=idx_dir)
    assert data_sets.find_prepared("fashion_mnist", tmp_path / "data") is None


def test_wrong_file(idx_dir, tmp_path):
    content = bytearray((idx_dir / LABELS).read_bytes())
    expected = hashlib.sha256(content).hexdigest()
    content[-1] ^= 1
    found = hashlib.sha256(content).hexdigest()
    (idx_dir / LABELS).write_bytes(content)
    with pytest.raises(
        idx_files.IdxFileError,
        match=rf"file={idx_dir / LABELS}, expected sha256={expected}, found sha256={found} \(13 bytes;",
    ):
        fashion_mnist.prepare(tmp_path / "data", images_dir=idx_dir)


def test_truncated_file(idx_dir, tmp_path):
    path = idx_dir / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(idx_files.IdxFileError, match=r"train-images-idx3-ubyte, expected .* \(100 bytes;"):
        fashion_mnist.prepare(tmp_path / "data", images_dir=idx_dir)


def test_truncated_gzip_file(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(np.random.default_rng(0).bytes(5_000))[:2_000])
    with pytest.raises(idx_files.IdxFileError, match=r"x.gz, expected .* found .* \(gzip file damaged after"):
        idx_files.read_idx_file(path, "0" * 64)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"PK\x03\x04rest", "must start with the bytes 00 00 08.*first bytes 50 4b 03 04"),
        (b"", "first bytes none"),
        (
            bytes([0, 0, 8, 1, 0, 0, 0, 3, 7]),
            r"the length that its header implies.*9 bytes, header \(3,\) implies 11",
        ),
        (bytes([0, 0, 8, 3, 0, 0]), "the length that its header implies"),
    ],
)
def test_not_idx(content, text):
    with pytest.raises(idx_files.IdxFileError, match=text):
        idx_files.parse_idx(content)


def test_numbers_of_pictures_and_labels_differ(tmp_path):
    sha256 = write_idx_files(tmp_path)
    content = struct.pack(">4BI", 0, 0, 8, 1, 4) + bytes(4)
    (tmp_path / LABELS).write_bytes(content)
    sha256[LABELS] = hashlib.sha256(content).hexdigest()
    builder = fashion_mnist.FashionMnist(images_dir=tmp_path, sha256=sha256, data_dir=tmp_path / "data")
    with pytest.raises(idx_files.IdxFileError, match=r"one label per picture.*\(5, 28, 28\).*\(4,\)"):
        builder.download_and_prepare()


def test_every_source_tried_is_named(idx_dir, tmp_path, no_network):
    with pytest.raises(fashion_mnist.FashionMnistUnavailableError) as caught:
        data_sets.load_data_set("fashion_mnist", tmp_path / "data")
    text = str(caught.value)
    assert "no-such-directory (Debian's package dataset-fashion-mnist): An IDX file must exist" in text
    assert "(2) download: http" in text
    assert "cannot be reached" in text
    assert "--images DIR" in text


def test_bad_default_directory_is_reported_and_left_out(idx_dir, tmp_path, monkeypatch, no_network):
    write_idx_files(tmp_path / "bad")
    (tmp_path / "bad" / LABELS).write_bytes(b"nonsense")
    monkeypatch.setattr(fashion_mnist, "DEBIAN_DIR", str(tmp_path / "bad"))
    with (
        pytest.warns(UserWarning, match=f"bad is skipped.*{LABELS}"),
        pytest.raises(fashion_mnist.FashionMnistUnavailableError, match="found sha256="),
    ):
        data_sets.load_data_set("fashion_mnist", tmp_path / "data")


def test_download_is_verified_and_read(idx_dir, tmp_path, monkeypatch):
    packed = tmp_path / "packed"
    write_idx_files(packed, packed=True)
    monkeypatch.setattr(fashion_mnist, "_check_reachable", lambda url: None)
    monkeypatch.setattr(
        tfds.download.DownloadManager,
        "download",
        lambda self, urls: {name: packed / Path(url).name for name, url in urls.items()},
    )
    data_set = data_sets.load_data_set("fashion_mnist", tmp_path / "data")
    assert "TFDS's download" in data_set.source
    assert len(read(data_set, "test")) == 5


def test_registered_downloads_are_the_four_files():
    names = {Path(url).stem for url in fashion_mnist._registered_downloads()}
    assert names == set(fashion_mnist.SHA256)


class TfdsOwn(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Stands for TFDS's own builder: same name, features, keys and splits."""

    name = "fashion_mnist"
    VERSION = tfds.core.Version("3.0.1")
    url_infos = None

    def _info(self):
        names = [name.capitalize() for name in fashion_mnist.CATEGORIES]
        features = {
            "image": tfds.features.Image(shape=(28, 28, 1)),
            "label": tfds.features.ClassLabel(names=names),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(24), "test": self._generate_examples(5)}

    def _generate_examples(self, number):
        for i in range(number):
            yield i, {"image": np.full([28, 28, 1], i, np.uint8), "label": i % 10}


def test_what_tfds_prepared_is_used_and_has_the_same_order(idx_dir, tmp_path, no_network):
    TfdsOwn(data_dir=tmp_path / "tfds").download_and_prepare()
    theirs = data_sets.load_data_set("fashion_mnist", tmp_path / "data")
    assert theirs.attributes == {"category": fashion_mnist.CATEGORIES}
    assert "by TFDS itself" in theirs.source
    assert not (tmp_path / "data").exists()
    fashion_mnist.prepare(tmp_path / "data", images_dir=idx_dir)
    ours = data_sets.load_data_set("fashion_mnist", tmp_path / "data")
    for split in data_sets.SPLITS:
        assert read(ours, split) == read(theirs, split)


def test_prepared_data_opens_no_connection(idx_dir, tmp_path, monkeypatch, no_network):
    fashion_mnist.prepare(tmp_path / "data", images_dir=idx_dir)
    monkeypatch.setattr(preparation, "prepare", lambda *args, **kwargs: pytest.fail("prepared again"))
    assert len(read(data_sets.load_data_set("fashion_mnist", tmp_path / "data"), "test")) == 5


def test_failed_overwrite_keeps_the_old_data(idx_dir, tmp_path):
    fashion_mnist.prepare(tmp_path / "data", images_dir=idx_dir)
    (idx_dir / LABELS).unlink()
    with pytest.raises(idx_files.IdxFileError):
        fashion_mnist.prepare(tmp_path / "data", images_dir=idx_dir, overwrite=True)
    assert len(read(data_sets.load_data_set("fashion_mnist", tmp_path / "data"), "test")) == 5
    assert not list((tmp_path / "data").glob(".preparing-*"))


KILLED_WHILE_PREPARING = """
import os, signal, sys
from training.data.rendered import builder as rendered_catalog
draw = rendered_catalog.draw_product
calls = []
def draw_some(**arguments):
    calls.append(1)
    if len(calls) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return draw(**arguments)
rendered_catalog.draw_product = draw_some
rendered_catalog.prepare(sys.argv[1], size=8, count=20)
"""


def test_killed_preparation_leaves_nothing_that_loads(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(Path(fashion_mnist.__file__).parents[3])}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_PREPARING, str(tmp_path)], env=environment, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL
    assert list(tmp_path.glob(".preparing-*"))
    assert data_sets.find_prepared("rendered_catalog", tmp_path) is None
    assert preparation.find_prepared_names(tmp_path) == []
    data_sets.BUILT_IN["rendered_catalog"](tmp_path, size=8, count=20)
    assert data_sets.find_prepared("rendered_catalog", tmp_path).num_images["train"] == 16
    assert not list(tmp_path.glob(".preparing-*"))


def test_second_preparation_waits_and_uses_the_first(idx_dir, tmp_path, capsys):
    second = threading.Thread(target=fashion_mnist.prepare, args=(tmp_path / "data", idx_dir))
    (tmp_path / "data").mkdir()
    with preparation._lock(tmp_path / "data", "fashion_mnist"):
        second.start()
        second.join(timeout=0.5)
        assert second.is_alive()
    second.join(timeout=20)
    assert not second.is_alive()
    assert data_sets.find_prepared("fashion_mnist", tmp_path / "data") is not None
    assert "Waiting for another process that is preparing fashion_mnist" in capsys.readouterr().err


def test_data_directory_that_is_a_file(idx_dir, tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(OSError, match="data directory must be writable.*data_dir=.*ZOO_HOME"):
        fashion_mnist.prepare(tmp_path / "data", images_dir=idx_dir)


def test_full_disk(idx_dir, tmp_path, monkeypatch):
    def fill(*args, **kwargs):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.io.TFRecordWriter, "write", fill)
    with pytest.raises(
        OSError, match=r"must be writable and have enough free space.*\(No space left on device\)"
    ):
        fashion_mnist.prepare(tmp_path / "data", images_dir=idx_dir)
    assert data_sets.find_prepared("fashion_mnist", tmp_path / "data") is None
    assert not list((tmp_path / "data").glob(".preparing-*"))


@pytest.mark.data
@pytest.mark.skipif(
    not Path(fashion_mnist.DEBIAN_DIR).is_dir(), reason="dataset-fashion-mnist is not installed"
)
@pytest.mark.parametrize(
    ("name", "modified_seconds"),
    [
        ("train-images-idx3-ubyte", 1504176606),
        ("train-labels-idx1-ubyte", 1504176606),
        ("t10k-images-idx3-ubyte", 1504176627),
        ("t10k-labels-idx1-ubyte", 1504176627),
    ],
)
def test_debian_files_are_the_registered_downloads(name, modified_seconds):
    # Debian left name and time out of the gzip headers. With both put back, the files have the checksums that
    # TFDS registers for the originals: the content is the same.
    packed = Path(fashion_mnist.DEBIAN_DIR, f"{name}.gz").read_bytes()
    header = struct.pack("<4BI2B", 0x1F, 0x8B, 8, 8, modified_seconds, 0, 3) + name.encode() + b"\0"
    original = header + packed[10:]
    urls = fashion_mnist._registered_downloads()
    registered = next(info for url, info in urls.items() if Path(url).stem == name)
    assert hashlib.sha256(original).hexdigest() == registered.checksum
    assert len(
        idx_files.read_idx_file(Path(fashion_mnist.DEBIAN_DIR, f"{name}.gz"), fashion_mnist.SHA256[name])
    )
