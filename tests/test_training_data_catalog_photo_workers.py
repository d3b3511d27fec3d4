"""Photos decoded by several processes."""

import os
import subprocess
import sys
import time

from catalog_files import write_photos

from training.data.catalog import photo_workers
from training.data.catalog.photo import PhotoSettings
from training.data.catalog.photo_workers import read_photos
from training.data.catalog.quarantine import UnreadableRowError


def test_processes_give_what_one_process_gives(tmp_path, monkeypatch):
    files = [row["image"] for row in write_photos(tmp_path, 70)]
    files[5] = "none.png"
    settings = PhotoSettings(images_dir=tmp_path, size=8)
    alone = list(read_photos(files, settings, num_workers=1))
    monkeypatch.setattr(photo_workers, "_MIN_PARALLEL_PHOTOS", 10)
    together = list(read_photos(files, settings, num_workers=2))
    assert isinstance(together[5], UnreadableRowError)
    assert [getattr(photo, "image_bytes", None) for photo in together] == [
        getattr(photo, "image_bytes", None) for photo in alone
    ]


def test_photos_are_read_where_signals_cannot_be_blocked(tmp_path, monkeypatch):
    files = [row["image"] for row in write_photos(tmp_path, 12)]
    monkeypatch.setattr(photo_workers, "_MIN_PARALLEL_PHOTOS", 10)
    monkeypatch.delattr(photo_workers.signal, "pthread_sigmask")
    photos = read_photos(files, PhotoSettings(images_dir=tmp_path, size=8), num_workers=2)
    assert [type(photo).__name__ for photo in photos] == ["Photo"] * 12


def test_processes_end_with_their_parent(tmp_path):
    write_photos(tmp_path, 1)
    script = (
        "import sys, pathlib, itertools; from training.data.catalog import photo_workers as w;"
        "from training.data.catalog.photo import PhotoSettings;"
        "photos = w.read_photos(itertools.repeat('0.png'), PhotoSettings(pathlib.Path(sys.argv[1])), 2);"
        "[next(photos) for _ in range(400)];"
        "import multiprocessing as m; print(*(c.pid for c in m.active_children()), flush=True);"
        "[None for _ in photos]"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    children = [int(word) for word in process.stdout.readline().split()]
    process.kill()
    process.communicate()
    assert len(children) == 2
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{child}") for child in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(os.path.exists(f"/proc/{child}") for child in children)
