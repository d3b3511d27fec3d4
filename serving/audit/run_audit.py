"""Audits photos and folders, several at a time, and writes what it finds."""

import concurrent.futures
import datetime
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from serving.audit.findings import UNREADABLE, Audited, Finding, audit, to_csv
from serving.audit.measures import FindMask, measure_photo
from serving.audit.page import MAX_THUMBNAILS, THUMBNAIL_SIDE, make_thumbnail, render
from serving.audit.rules import Place
from serving.client.errors import RowError
from serving.jobs.conversion import read_file, to_failure
from serving.jobs.walk import Walk, report_left_out
from serving.pictures.cutting_out import cut_out
from serving.pictures.source import PictureSource
from zoo.command_line.processors import usable_processors
from zoo.files.atomic_write import write_bytes
from zoo.pictures.photo import Photo

TABLE, PAGE = "audit.csv", "audit.html"


def mask_finder(source: PictureSource) -> FindMask:
    """Returns what finds products by a model's signature `cutout_png`."""

    def find_mask(raw_image: np.ndarray) -> tuple[np.ndarray, float | None]:
        try:
            found = cut_out(raw_image, source)
        except RowError:  # it says that there is no product: the picture itself is a PNG of ours
            return np.zeros(raw_image.shape[:2], "float32"), None
        return found.opacity.astype("float32") / 255.0, found.confidence

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
        try:
            content = read_file(path)
            one = audit(path, measure_photo(content, path, find_mask), places)
            if one.findings and len(thumbnails) < MAX_THUMBNAILS:
                thumbnails[path] = make_thumbnail(Photo.read(content, reduced_to=THUMBNAIL_SIDE).on_white())
        except Exception as error:  # noqa: BLE001 - a bad photo must not stop the others
            failure = to_failure(path, error)
            detail = f"{failure.reason}: {failure.detail}" if failure.detail else failure.reason
            return _unreadable(path, detail)
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


def _unreadable(path: Path, detail: str) -> Audited:
    return Audited(path, [Finding(path, "", UNREADABLE, "can be read", detail, "yes")])
