"""Audits photos and folders, several at a time, and writes what it finds."""

import collections
import concurrent.futures
import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import click
import numpy as np
from tqdm import tqdm

from serving.audit.comparisons import compare_colour, find_copies
from serving.audit.findings import BREACH, UNREADABLE, Audited, Finding, audit, to_csv
from serving.audit.measures import FindMask, measure_photo
from serving.audit.mending import Mender, NotMendedError
from serving.audit.page import MAX_THUMBNAILS, THUMBNAIL_SIDE, make_thumbnail, render
from serving.audit.rules import Place
from serving.client.errors import RowError
from serving.jobs.conversion import read_file, to_failure
from serving.jobs.walk import FoundPhoto, Walk, report_left_out
from serving.pictures.cutting_out import cut_out
from serving.pictures.source import PictureSource
from training.data.catalog.near_duplicates import Look
from zoo.command_line.processors import usable_processors
from zoo.files.atomic_write import write_bytes
from zoo.pictures.photo import Photo

TABLE, PAGE, FIXED = "audit.csv", "audit.html", "fixed"


def mask_finder(source: PictureSource) -> FindMask:
    """Returns what finds products by a model's signature `cutout_png`."""

    def find_mask(raw_image: np.ndarray) -> tuple[np.ndarray, float | None]:
        try:
            found = cut_out(raw_image, source)
        except RowError:  # it says that there is no product: the picture itself is a PNG of ours
            return np.zeros(raw_image.shape[:2], "float32"), None
        return found.opacity.astype("float32") / 255.0, found.confidence

    return find_mask


def run_audit(
    walk: Walk,
    places: Sequence[Place],
    find_mask: FindMask | None,
    output: Path,
    mender: Mender | None = None,
    colours: Mapping[Path, str] | None = None,
) -> None:
    """Audits photos, and writes `audit.csv` and `audit.html` to a directory.

    Args:
        walk: The photos.
        places: The places whose rules count.
        find_mask: As for `measure_photo`.
        output: The directory.
        mender: Mends photos for each place that refuses them, into the folder `fixed`; None mends none.
        colours: The colours that a catalogue's table says, by the photos' resolved paths; None compares none.

    Raises:
        click.ClickException: A photo neither passes nor could be mended, or cannot be read.
    """
    report_left_out(walk)
    if find_mask is not None and walk.photos:
        # The first call builds the model's graph, in which several threads would wait for each other.
        find_mask(np.full([64, 64, 3], 255, "uint8"))
    thumbnails: dict[Path, bytes] = {}
    looks: dict[Path, Look] = {}
    names = name_results([photo.place for photo in walk.photos])

    def audit_one(photo: FoundPhoto) -> Audited:
        path = photo.path
        try:
            content = read_file(path)
            values = measure_photo(content, path, find_mask)
            one = audit(path, values, places)
            looks[path] = values["look"]
            in_table = (colours or {}).get(path.resolve())
            if in_table is not None and "product" in values:
                one = _with_finding(one, compare_colour(path, values["product"], in_table))
            if mender is not None:
                for place in places:
                    target = output / FIXED / place.name / names[photo.place]
                    one = mend_photo(one, content, values, place, mender, find_mask, target)
            if one.findings and len(thumbnails) < MAX_THUMBNAILS:
                thumbnails[path] = make_thumbnail(Photo.read(content, reduced_to=THUMBNAIL_SIDE).on_white())
        except Exception as error:  # noqa: BLE001 - a bad photo must not stop the others
            failure = to_failure(path, error)
            detail = f"{failure.reason}: {failure.detail}" if failure.detail else failure.reason
            return _unreadable(path, detail)
        return one

    with concurrent.futures.ThreadPoolExecutor(usable_processors()) as pool:
        results = tqdm(
            pool.map(audit_one, walk.photos), total=len(walk.photos), unit="photo", delay=2, disable=None
        )
        audited = [*results, *(_unreadable(path, text) for path, text in walk.unreadable_folders)]
    copies = {finding.photo: finding for finding in find_copies(looks)}
    audited = [_with_finding(one, copies.get(one.photo)) for one in audited]
    output.mkdir(parents=True, exist_ok=True)
    write_bytes(output / TABLE, to_csv(audited))
    page = render(audited, places, thumbnails, datetime.date.today(), find_mask is not None)
    write_bytes(output / PAGE, page.encode("utf-8", "surrogateescape"))
    passed = sum(one.passes for one in audited)
    click.echo(f"{passed:,} of {len(audited):,} photos pass. Findings: {output / TABLE}, {output / PAGE}")
    mended = sum(one.is_mended for one in audited)
    if mender is not None:
        click.echo(
            f"Mended versions of {mended:,} of the {len(audited) - passed:,} others pass: {output / FIXED}"
        )
    for place in places:
        if place.is_ageing(datetime.date.today()):
            click.echo(f"The rules of {place.name} were read in {place.read}, and may have changed", err=True)
    failed = len(audited) - passed - mended
    if failed:
        raise click.ClickException(f"{failed:,} photos do not pass; {output / TABLE} says why")


def name_results(places: Sequence[PurePath]) -> dict[PurePath, PurePath]:
    """Returns results' names without endings: those of the photos, which keep theirs where two differ in it.

    Example:

    >>> names = name_results([PurePath("a.png"), PurePath("b.png"), PurePath("b.jpg")])
    >>> [str(name) for name in names.values()]
    ['a', 'b.png', 'b.jpg']
    """
    counts = collections.Counter(place.with_suffix("") for place in places)
    return {place: place if counts[place.with_suffix("")] > 1 else place.with_suffix("") for place in places}


def mend_photo(
    one: Audited,
    content: bytes,
    values: Mapping[str, Any],
    place: Place,
    mender: Mender,
    find_mask: FindMask | None,
    target: Path,
) -> Audited:
    """Mends a photo for a place that refuses it, and audits the result.

    Args:
        one: What was found out about the photo.
        content: Its bytes.
        values: What was measured of it.
        place: The place.
        mender: Mends it.
        find_mask: As for `run_audit`.
        target: The result's path without its ending.

    Returns:
        The same, with the mended file and what is wrong with it still beside what the place refuses.
    """
    breaches = [each for each in one.findings if each.place == place.name and each.kind == BREACH]
    if not breaches:
        return one
    try:
        mended = mender.mend(content, values, place)
        path = target.with_name(target.name + mended.suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, mended.content)
        result = audit(path, measure_photo(mended.content, path, find_mask), [place])
        left = [finding.rule for finding in result.findings if finding.kind == BREACH]
        text = str(path) + (f"; still wrong: {', '.join(left)}" if left else "")
        is_mended = not left
    except NotMendedError as error:
        text, is_mended = f"not mended: {error}", False
    findings = [
        dataclasses.replace(finding, mended=text, is_mended=is_mended) if finding in breaches else finding
        for finding in one.findings
    ]
    return dataclasses.replace(one, findings=findings)


def _with_finding(one: Audited, finding: Finding | None) -> Audited:
    return one if finding is None else dataclasses.replace(one, findings=[*one.findings, finding])


def _unreadable(path: Path, detail: str) -> Audited:
    return Audited(path, [Finding(path, "", UNREADABLE, "can be read", detail, "yes")])
