"""`zoo data build` that is killed or runs out of disk space: no incomplete data set can be loaded."""

import errno
import signal
import subprocess
import sys

import pytest
import tensorflow as tf
from catalog_files import load_shop, write_photos, write_table

from training.data import data_sets
from training.data.catalog.spool import Spool


def test_disk_that_is_full_while_photos_are_read(build_shop, tmp_path, monkeypatch):
    write_table(tmp_path / "t.csv", write_photos(tmp_path / "images", 12))

    def fill(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Spool, "append", fill)
    code, _, errors = build_shop()
    assert code == 1
    assert errors.count("\n") == 1
    assert "must be writable and have enough free space" in errors
    assert not list((tmp_path / "data").glob(".preparing-*"))


def test_full_disk(build_shop, tmp_path, monkeypatch):
    write_table(tmp_path / "t.csv", write_photos(tmp_path / "images", 12))

    def fill(*args, **kwargs):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.io.TFRecordWriter, "write", fill)
    code, _, errors = build_shop()
    assert code == 1
    assert errors.count("\n") == 1
    assert "must be writable and have enough free space" in errors
    assert data_sets.find_prepared("shop", tmp_path / "data") is None
    assert not list((tmp_path / "data").glob(".preparing-*"))


@pytest.mark.slow
def test_killed_build_leaves_nothing_that_loads(build_shop, tmp_path):
    write_table(tmp_path / "t.csv", write_photos(tmp_path / "images", 330))
    script = (
        "import sys, time; from training.data.catalog import builder as catalog_builder, catalog;"
        "from training.data.catalog.settings import CatalogSettings;"
        "catalog.refuse_rare_values = lambda *a: (print('read', flush=True), time.sleep(60));"
        "images, table, data = sys.argv[1:];"
        "catalog_builder.prepare('shop', data, CatalogSettings(images, table, num_workers=2))"
    )
    words = [str(tmp_path / name) for name in ("images", "t.csv", "data")]
    with subprocess.Popen(
        [sys.executable, "-c", script, *words], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "read\n"
        process.send_signal(signal.SIGKILL)
    assert data_sets.find_prepared("shop", tmp_path / "data") is None
    with pytest.raises(data_sets.UnknownNameError):
        load_shop(tmp_path)
    assert build_shop("--size", "8")[0] == 0
    assert load_shop(tmp_path).report["kept"] == 330
    assert not list((tmp_path / "data").glob(".preparing-*"))
