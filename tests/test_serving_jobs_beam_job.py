"""Jobs as Apache Beam pipelines, on the direct runner."""

import csv
from pathlib import Path

import click
import pytest
from photo_jobs import Negatives, NoModel, run_negatives
from picture_files import JPEG, PNG, PNGS
from served_runs import files_in

from serving.jobs.photo_job import JobOptions
from zoo.pictures.photo_writer import Writing

pytest.importorskip("apache_beam")
from apache_beam.io.localfilesystem import LocalFileSystem  # noqa: E402


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop" / "shoes").mkdir(parents=True)
    for name, content in (("a.jpg", JPEG), ("b.png", PNG), ("shoes/c.png", PNGS["rgba"])):
        (tmp_path / "shop" / name).write_bytes(content)
    return tmp_path / "shop"


def run_pipeline(output, *photos, arguments=(), **options):
    from serving.jobs.beam_job import run_beam_job

    job = JobOptions(tuple(map(Path, photos)), Path(output), **options)
    run_beam_job(job, NoModel(), lambda source: Negatives(endings=("", "-mask")), arguments)


def contents(directory):
    return {
        name: Path(directory, name).read_bytes()
        for name in files_in(Path(directory))
        if not name.startswith(".zoo-job")
    }


def test_a_pipeline_writes_the_bytes_of_a_job_without_beam(shop, capfd):
    run_negatives("local", shop, task=Negatives(endings=("", "-mask")))
    run_pipeline("beam", shop)
    assert contents("beam") == contents("local")
    assert "Wrote 3 pictures" in capfd.readouterr().out


def test_a_portable_job_server_writes_the_same_bytes(shop):
    run_negatives("local", shop, task=Negatives(endings=("", "-mask")))
    portable = ("--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK")
    run_pipeline("beam", shop, arguments=portable)
    assert contents("beam") == contents("local")


def test_bad_photos_come_out_beside_the_results(shop, capsys):
    (shop / "empty.jpg").write_bytes(b"")
    (shop / "nowhere.jpg").symlink_to("gone.jpg")
    with pytest.raises(click.ClickException, match="2 photos could not be converted; beam/failed.csv lists"):
        run_pipeline("beam", shop)
    with open("beam/failed.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(Path(row["photo"]).name, row["reason"]) for row in rows] == [
        ("empty.jpg", "not an image"),
        ("nowhere.jpg", "missing"),
    ]
    assert "empty.jpg: not an image: the file is empty" in capsys.readouterr().err


def test_results_are_replaced_on_request_alone_and_resume_skips_them(shop, capfd):
    run_pipeline("beam", shop)
    before = Path("beam/a.jpg").stat().st_ino
    with pytest.raises(click.ClickException):
        run_pipeline("beam", shop)
    assert "its result exists already" in Path("beam/failed.csv").read_text()
    Path("beam/b.png").unlink()
    Path("beam/failed.csv").unlink()
    run_pipeline("beam", shop, resume=True)
    assert "2 of 3 photos are done already" in capfd.readouterr().out
    assert Path("beam/a.jpg").stat().st_ino == before
    run_pipeline("beam", shop, overwrite=True, writing=Writing(provenance="another"))
    assert Path("beam/a.jpg").stat().st_ino != before


class FarAway(LocalFileSystem):
    """A file system with a scheme of its own, over the directory that the test runs in."""

    @classmethod
    def scheme(cls):
        return "far"

    def match(self, patterns, limits=None):
        matches = super().match([near(pattern) for pattern in patterns], limits)
        for match in matches:
            for metadata in match.metadata_list:
                metadata.path = f"far://{metadata.path}"
        return matches

    def join(self, basepath, *paths):
        return "/".join([basepath, *paths])

    def split(self, path):
        return path.rpartition("/")[::2]

    def mkdirs(self, path):
        super().mkdirs(near(path))

    def create(self, path, *args, **options):
        return super().create(near(path), *args, **options)

    def open(self, path, *args, **options):
        return super().open(near(path), *args, **options)

    def exists(self, path):
        return super().exists(near(path))

    def rename(self, sources, destinations):
        super().rename([near(path) for path in sources], [near(path) for path in destinations])


def near(path):
    return path.removeprefix("far://")


def test_urls_are_read_and_written(shop):
    run_pipeline("local", shop)
    run_pipeline("unused", photo_urls=("far://shop",), output_url="far://out")
    assert contents("out") == contents("local")
    with pytest.raises(click.UsageError, match="unless --runner beam is given. Received: gs://shop"):
        run_negatives("out", photo_urls=("gs://shop",))
