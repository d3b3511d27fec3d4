"""Audits photos and folders, several at a time, and writes what it finds."""

import concurrent.futures
import contextlib
import datetime
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image
from tqdm import tqdm

from serving.audit.findings import UNREADABLE, Audited, Finding, audit, to_csv
from serving.audit.measures import FindMask, measure_photo
from serving.audit.page import MAX_THUMBNAILS, make_thumbnail, render
from serving.audit.rules import Place
from serving.client.errors import RowError
from serving.jobs.conversion import read_file, to_failure
from serving.jobs.walk import Walk, report_left_out
from serving.pictures.source import PictureSource
from serving.pictures.task import confidence_of
from zoo.command_line.processors import usable_processors
from zoo.files.atomic_write import write_bytes
from zoo.pictures.photo import Photo
from zoo.pictures.photo_writer import write_png

TABLE, PAGE = "audit.csv", "audit.html"


def mask_finder(source: PictureSource) -> FindMask:
    """Returns what finds products by a model's signature `cutout_png`."""

    def find_mask(raw_image: np.ndarray) -> tuple[np.ndarray, float | None]:
        inputs = {
            "image_bytes": np.array([write_png(raw_image)], dtype=object),
            "background": np.array([""], dtype=object),
        }
        try:
            outputs = source.predict("cutout_png", inputs)
        except RowError:  # it says that there is no product: the picture itself is a PNG of ours
            return np.zeros(raw_image.shape[:2], "float32"), None
        with Image.open(io.BytesIO(outputs["mask_bytes"][0])) as mask:
            opacity = np.asarray(mask.convert("L"), "float32") / 255.0
        return opacity, confidence_of(outputs)

    return find_mask


def run_audit(walk: Walk, places: Sequence[Place], find_mask: FindMask | None, output: Path) -> None:
    """Audits photos, and writes `audit.csv` and `audit.html` to a directory.

    Args:
        walk: The photos.
        places: The places whose rules count.
        find_mask: As for `measure_photo`.
        output: The directory.

    Raises:
        click.ClickException: A photo does not pass, or cannot be read.
    """
    report_left_out(walk)
    if find_mask is not None and walk.photos:
        # The first call builds the model's graph, in which several threads would wait for each other.
        find_mask(np.full([64, 64, 3], 255, "uint8"))
    thumbnails: dict[Path, bytes] = {}

    def audit_one(path: Path) -> Audited:
        one, thumbnail = _audit_photo(path, places, find_mask)
        if thumbnail is not None and one.findings and len(thumbnails) < MAX_THUMBNAILS:
            thumbnails[path] = thumbnail
        return one

    paths = [photo.path for photo in walk.photos]
    with concurrent.futures.ThreadPoolExecutor(usable_processors()) as pool:
        results = tqdm(pool.map(audit_one, paths), total=len(paths), unit="photo", delay=2, disable=None)
        audited = [*results, *(_unreadable(path, text) for path, text in walk.unreadable_folders)]
    output.mkdir(parents=True, exist_ok=True)
    write_bytes(output / TABLE, to_csv(audited))
    page = render(audited, places, thumbnails, datetime.date.today(), find_mask is not None)
    write_bytes(output / PAGE, page.encode("utf-8", "surrogateescape"))
    passed = sum(one.passes for one in audited)
    click.echo(f"{passed:,} of {len(audited):,} photos pass. Findings: {output / TABLE}, {output / PAGE}")
    for place in places:
        if place.is_ageing(datetime.date.today()):
            click.echo(f"The rules of {place.name} were read in {place.read}, and may have changed", err=True)
    if passed < len(audited):
        raise click.ClickException(f"{len(audited) - passed:,} photos do not pass; {output / TABLE} says why")


def _audit_photo(path: Path, places, find_mask) -> tuple[Audited, bytes | None]:
    try:
        content = read_file(path)
        values: dict[str, Any] = measure_photo(content, path, find_mask)
    except Exception as error:  # noqa: BLE001 - a bad photo must not stop the others
        failure = to_failure(path, error)
        detail = f"{failure.reason}: {failure.detail}" if failure.detail else failure.reason
        return _unreadable(path, detail), None
    thumbnail = None
    with contextlib.suppress(ValueError):
        thumbnail = make_thumbnail(Photo.read(content, reduced_to=160).on_white())
    return audit(path, values, places), thumbnail


def _unreadable(path: Path, detail: str) -> Audited:
    return Audited(path, [Finding(path, "", UNREADABLE, "can be read", detail, "yes")])
