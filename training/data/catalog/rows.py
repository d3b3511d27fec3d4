"""Reads a catalogue's rows: keeps each with its photo, or refuses it with a reason."""

import collections
import contextlib
import dataclasses

import numpy as np
from tqdm import tqdm

from training.data.catalog import photo_workers
from training.data.catalog.columns import CatalogRow, Columns
from training.data.catalog.derived import Judgement
from training.data.catalog.photo import Photo
from training.data.catalog.photo_folder import RowSource
from training.data.catalog.quarantine import Refusal, UnreadableRowError
from training.data.catalog.settings import CatalogSettings
from training.data.catalog.spool import Spool


@dataclasses.dataclass(slots=True)
class Entry:
    """The part of a kept row that stays in memory.

    Args:
        row: Row number as a spreadsheet shows it.
        file: The photo's path as written in the table.
        values: The value of each attribute column.
        numbers: The values of the number columns, NaN where empty.
        split: The split named in the table, `""` if none.
        height: As for `Photo`.
        width: As for `Photo`.
        digest: Hash of the photo's content.
        place: Position of the converted photo, the description and the mask in the spool.
        perceptual_hash: As for `Photo`.
        thumbnail: As for `Photo`, as bytes.
        derived: The judged attributes, by name.
    """

    row: int
    file: str
    values: tuple[str, ...]
    numbers: tuple[float, ...]
    split: str
    height: int
    width: int
    digest: bytes
    place: tuple[int, ...]
    perceptual_hash: int
    thumbnail: bytes
    derived: dict[str, Judgement]


@dataclasses.dataclass
class CatalogRows:
    """The rows of a catalogue, kept and refused.

    Args:
        num_rows: Number of rows read.
        entries: The kept rows, in the table's order.
        refusals: The refused rows.
    """

    num_rows: int = 0
    entries: list[Entry] = dataclasses.field(default_factory=list)
    refusals: list[Refusal] = dataclasses.field(default_factory=list)


def read_rows(table: RowSource, columns: Columns, settings: CatalogSettings, spool: Spool) -> CatalogRows:
    """Reads every row of a table with its photo.

    Args:
        table: The table.
        columns: The roles of its columns.
        settings: How to read rows and photos.
        spool: Receives the converted photos and the descriptions.

    Returns:
        The rows; of several rows with the same photo the first one is kept.

    Example:

    ```python
    rows = read_rows(table, columns, settings, spool)
    print(rows.num_rows, len(rows.entries), len(rows.refusals))  # 120 117 3
    ```
    """
    rows = CatalogRows()
    waiting: collections.deque[CatalogRow] = collections.deque()
    first_rows: dict[bytes, int] = {}

    def name_photos():
        for row in table.read():
            rows.num_rows += 1
            try:
                waiting.append(columns.interpret(row))
            except UnreadableRowError as error:
                file = row.cells.get(columns.image, "")
                rows.refusals.append(Refusal(row.number, file, error.reason, error.detail))
            else:
                yield waiting[-1].file

    num_workers = settings.num_workers or photo_workers.default_num_workers()
    photos = photo_workers.read_photos(name_photos(), settings.for_photos(), num_workers)
    with (
        contextlib.closing(photos),  # ends its processes
        tqdm(desc="Reading photos", unit=" photos", delay=2, leave=False, disable=None) as progress,
    ):
        for photo in photos:
            row = waiting.popleft()
            if isinstance(photo, UnreadableRowError):
                rows.refusals.append(Refusal(row.number, row.file, photo.reason, photo.detail))
            elif photo.digest in first_rows:
                detail = f"of row {first_rows[photo.digest]}"
                rows.refusals.append(Refusal(row.number, row.file, "exact duplicate", detail))
            else:
                first_rows[photo.digest] = row.number
                rows.entries.append(_to_entry(row, photo, spool))
            progress.update()
    return rows


def refuse_rare_values(rows: CatalogRows, columns: Columns, min_count: int) -> None:
    """Refuses rows with an attribute value that occurs in too few of the kept rows.

    Args:
        rows: The rows; changed in place.
        columns: The roles of the columns.
        min_count: Smallest number of rows that must share a value.
    """
    while True:  # each refusal makes other values rarer
        counts = count_values(rows.entries, columns.attributes)
        kept = []
        for entry in rows.entries:
            pairs = zip(columns.attributes, entry.values, strict=True)
            rare = next(((name, value) for name, value in pairs if counts[name][value] < min_count), None)
            if rare is None:
                kept.append(entry)
            else:
                name, value = rare
                reason = f"{name} seen fewer than {min_count} times"
                rows.refusals.append(Refusal(entry.row, entry.file, reason, value))
        if len(kept) == len(rows.entries):
            return
        rows.entries = kept


def count_values(entries: list[Entry], attributes: tuple[str, ...]) -> dict[str, collections.Counter]:
    """Returns, for each attribute, the number of occurrences of each value."""
    return {
        name: collections.Counter(entry.values[index] for entry in entries)
        for index, name in enumerate(attributes)
    }


def stack_thumbnails(entries: list[Entry]) -> np.ndarray:
    """Returns the thumbnails as one uint8 array `[N, 8, 8, 3]`."""
    return np.frombuffer(b"".join(entry.thumbnail for entry in entries), "uint8").reshape(-1, 8, 8, 3)


def _to_entry(row: CatalogRow, photo: Photo, spool: Spool) -> Entry:
    return Entry(
        row=row.number,
        file=row.file,
        values=row.values,
        numbers=row.numbers,
        split=row.split,
        height=photo.height,
        width=photo.width,
        digest=photo.digest,
        place=spool.append([photo.image_bytes, row.description.encode(), photo.mask_bytes]),
        perceptual_hash=photo.perceptual_hash,
        thumbnail=photo.thumbnail.tobytes(),
        derived=dict(photo.derived),
    )
