"""Jobs on photos: names, journal, failures, signals; with a task that needs no model."""

import csv
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest
from photo_jobs import Negatives, run_negatives
from picture_files import JPEG, PNG, PNGS, RGB, saved
from PIL import Image
from served_runs import files_in

from serving.client.errors import PredictionError, RowError
from serving.jobs.journal import sole_job
from zoo.pictures.photo import read_photo
from zoo.pictures.photo_writer import Writing

ERROR = Exception()
SCRIPT = Path(__file__).parent / "support" / "photo_jobs.py"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop" / "shoes").mkdir(parents=True)
    for name in ("a.jpg", "a.png", "shoes/b.PNG"):
        (tmp_path / "shop" / name).write_bytes(JPEG if name.endswith("jpg") else PNG)
    return tmp_path / "shop"


def results(directory):
    return [name for name in files_in(directory) if not name.startswith(".zoo-job")]


def failed(directory):
    with open(Path(directory) / "failed.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_results_keep_names_places_formats_and_dates(shop):
    os.utime(shop / "a.jpg", (10**9, 10**9))
    run_negatives("out", shop)
    assert results(Path("out")) == ["a.jpg", "a.png", "shoes/b.PNG"]
    assert Path("out/a.jpg").stat().st_mtime == 10**9
    assert Image.open("out/a.jpg").format == "JPEG"
    np.testing.assert_array_equal(read_photo(Path("out/shoes/b.PNG").read_bytes()), 255 - RGB)


def test_names_that_would_meet_are_told_apart(shop):
    (shop / "a-mask.png").write_bytes(PNG)
    run_negatives("out", shop, writing=Writing("png"), task=Negatives(endings=("", "-mask")))
    assert results(Path("out")) == [
        "a-mask-mask.png",
        "a-mask.png",
        "a.jpg-mask.png",
        "a.jpg.png",
        "a.png",
        "a.png-mask.png",
        "shoes/b-mask.PNG",
        "shoes/b.PNG",
    ]
    np.testing.assert_array_equal(read_photo(Path("out/a-mask.png").read_bytes()), 255 - RGB)


NAMES = [
    "with space, comma.png",
    "\U0001f457.png",
    "A.png",
    "100%.png",
    "[1].png",
    "-rf.png",
    "x" * 251 + ".png",
]


def test_unusual_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "in"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_bytes(PNG)
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(PNG)
    run_negatives("out", folder, task=Negatives(endings=("", "-mask")))
    names = results(Path("out"))
    assert len(names) == 2 * (len(NAMES) + 1)
    assert set(NAMES) <= set(names)
    assert max(len(os.fsencode(name)) for name in names) == 255


def test_bad_photos_are_listed_and_the_others_go_on(shop, capsys):
    for number in range(12):
        (shop / f"bad{number:02}.jpg").write_bytes(b"")
    (shop / "=evil.jpg").write_bytes(b"x" * 9)
    (shop / "nowhere.jpg").symlink_to("gone.jpg")
    with pytest.raises(click.ClickException, match="14 photos could not be converted; out/failed.csv"):
        run_negatives("out", shop)
    printed = capsys.readouterr()
    assert "Wrote 3 of 17 pictures to out" in printed.out
    lines = [line for line in printed.err.splitlines() if "shop" in line]
    assert len(lines) == 10
    assert lines[1].endswith("bad00.jpg: not an image: the file is empty")
    assert "... and 4 more, listed in out/failed.csv" in printed.err
    rows = failed("out")
    assert len(rows) == 14
    assert {row["reason"] for row in rows} == {"not an image", "a link that leads nowhere"}
    assert results(Path("out")) == ["a.jpg", "a.png", "failed.csv", "shoes/b.PNG"]


def test_results_are_replaced_on_request_alone(shop):
    run_negatives("out", shop)
    before = Path("out/a.png").read_bytes()
    (shop / "a.png").write_bytes(PNGS["grey"])
    with pytest.raises(click.UsageError, match="must not replace a file that exists. Received: out/a.jpg"):
        run_negatives("out", shop)
    assert Path("out/a.png").read_bytes() == before
    run_negatives("out", shop, overwrite=True)
    assert Path("out/a.png").read_bytes() != before


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_photo_is_never_replaced(shop, overwrite):
    with pytest.raises(click.UsageError, match="A result must not replace a photo. Received: shop/a.jpg"):
        run_negatives("shop", "shop/a.jpg", overwrite=overwrite)
    assert (shop / "a.jpg").read_bytes() == JPEG


def test_resume_skips_what_is_done_and_does_again_what_changed(shop, capsys):
    run_negatives("out", shop)
    times = {name: Path("out", name).stat().st_ino for name in ("a.jpg", "a.png", "shoes/b.PNG")}
    Path("out/a.jpg").unlink()
    (shop / "a.png").write_bytes(PNGS["grey"])
    capsys.readouterr()
    run_negatives("out", shop, resume=True)
    assert "1 of 3 photos are done already" in capsys.readouterr().out
    assert Path("out/shoes/b.PNG").stat().st_ino == times["shoes/b.PNG"]
    assert Path("out/a.png").stat().st_ino != times["a.png"]
    assert Path("out/a.jpg").exists()


def test_resume_needs_the_same_job(shop):
    with pytest.raises(
        click.UsageError, match="takes up a job that was begun. Received: out, which has none"
    ):
        run_negatives("out", shop, resume=True)
    run_negatives("out", shop)
    with pytest.raises(click.UsageError, match="Received: quality is 50, and was None"):
        run_negatives("out", shop, resume=True, writing=Writing(quality=50))


def test_a_second_job_on_one_directory_is_told(shop):
    with sole_job(Path("out")), pytest.raises(click.UsageError, match="Only one job at a time can write"):
        run_negatives("out", shop)


def test_single_photos_leave_no_journal(shop):
    run_negatives("out", shop / "a.jpg")
    assert files_in(Path("out")) == ["a.jpg"]
    run_negatives("folder", shop)
    assert Path("folder/.zoo-job/journal.jsonl").exists()


def test_a_full_disk_stops_the_job_and_says_so(shop, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("serving.jobs.photo_job.write_bytes", full)
    with pytest.raises(click.ClickException, match="must fit on the disk. Received: No space left on device"):
        run_negatives("out", shop)


class Failing(Negatives):
    """Raises an error instead of converting."""

    def convert(self, photo, source):
        raise ERROR


@pytest.mark.parametrize(
    "error",
    [PredictionError("Servable not found", 404, "NOT_FOUND"), PredictionError("late", 504, "HTTP 504")],
)
def test_what_is_wrong_with_more_than_a_photo_stops_the_job(shop, monkeypatch, error):
    monkeypatch.setitem(globals(), "ERROR", error)
    with pytest.raises(PredictionError) as raised:
        run_negatives("out", shop, task=Failing())
    assert raised.value is error
    assert not Path("out").exists()


def test_an_unknown_value_of_an_option_is_wrong_usage(shop, monkeypatch):
    error = RowError({0: "Unknown category. Received: 'x'. Known: bag."}, 1)
    monkeypatch.setitem(globals(), "ERROR", error)
    with pytest.raises(click.UsageError, match="Unknown category. Received: 'x'. Known: bag."):
        run_negatives("out", shop, task=Failing())


@pytest.mark.parametrize(
    "error",
    [RowError({0: "no product"}, 1), PredictionError("no product", 400, "HTTP 400"), MemoryError()],
)
def test_what_is_wrong_with_a_photo_is_its_own(shop, monkeypatch, error):
    monkeypatch.setitem(globals(), "ERROR", error)
    with pytest.raises(click.ClickException, match="3 photos could not be converted"):
        run_negatives("out", shop, task=Failing())
    reason = "not enough memory for a photo of this size" if isinstance(error, MemoryError) else "no product"
    assert {row["reason"] for row in failed("out")} == {reason}


def test_a_photo_behind_a_link_is_not_replaced(shop, tmp_path):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "a.jpg").symlink_to(shop / "a.jpg")
    for photo, output in (("links/a.jpg", "shop"), ("shop/a.jpg", "links")):
        with pytest.raises(click.UsageError, match="A result must not replace"):
            run_negatives(output, photo)
    assert (shop / "a.jpg").read_bytes() == JPEG


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_that_cannot_be_written_is_told(shop):
    Path("out").mkdir(mode=0o555)
    with pytest.raises(PermissionError):
        run_negatives("out", shop)


def test_doubtful_results_are_named(shop, capsys):
    run_negatives("out", shop / "a.jpg", task=Negatives(confidence=0.5))
    assert (
        "a.jpg: sure by 0.50  look at it: it is a drawing"
        in capsys.readouterr().out + capsys.readouterr().err
    )


def many(tmp_path, count):
    folder = tmp_path / "many"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(count):
        picture = Image.fromarray(generator.integers(0, 255, [20, 30, 3], dtype="uint8"))
        (folder / f"{number:03}.jpg").write_bytes(saved(picture, "JPEG"))
    return folder


def started(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parent.parent.parent)}
    return subprocess.Popen(
        [sys.executable, SCRIPT, *map(str, arguments)], env=environment, stderr=subprocess.PIPE
    )


def wait_for_results(directory, count):
    deadline = time.monotonic() + 60
    while len(list(Path(directory).glob("[0-9]*.jpg"))) < count and time.monotonic() < deadline:
        time.sleep(0.01)


def test_a_killed_job_is_resumed_to_the_same_bytes(tmp_path):
    folder = many(tmp_path, 150)
    run_negatives(tmp_path / "whole", folder)
    kills = random.Random(0)
    for attempt in range(3):
        process = started(tmp_path / "killed", folder, *(["--resume"] if attempt else []))
        wait_for_results(tmp_path / "killed", 40 * (attempt + 1) + kills.randrange(10))
        process.kill()
        process.wait()
        process.stderr.close()
    left = sorted((tmp_path / "killed").glob("[0-9]*.jpg"))
    untouched = {path: path.stat().st_ino for path in left}
    run_negatives(tmp_path / "killed", folder, task=Negatives(), resume=True)
    assert results(tmp_path / "killed") == results(tmp_path / "whole")
    for name in results(tmp_path / "whole"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    again = sum(path.stat().st_ino != number for path, number in untouched.items())
    assert again <= 2  # those in hand


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_photos_in_hand_be_finished(tmp_path, number):
    folder = many(tmp_path, 150)
    process = started(tmp_path / "out", folder)
    wait_for_results(tmp_path / "out", 10)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert b"Finishing the photos in hand" in errors
    assert b"Stopped. The same command with --resume" in errors
    written = results(tmp_path / "out")
    assert 10 <= len(written) < 150
    assert not list((tmp_path / "out").glob(".writing-*"))
