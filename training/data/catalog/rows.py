"""The rows of a catalogue, each kept with its photo or refused with a reason."""

import collections
import contextlib
import dataclasses

import numpy as np
from tqdm import tqdm

from training.data.catalog import photo_workers
from training.data.catalog.columns import CatalogRow, Columns
from training.data.catalog.photo import Photo
from training.data.catalog.quarantine import Refusal, UnreadableRowError
from training.data.catalog.settings import CatalogSettings
from training.data.catalog.spool import Spool
from training.data.catalog.table import Table


@dataclasses.dataclass(slots=True)
class Entry:
    """A row that is kept, as far as it has to be in memory.

    Args:
        row: Number of the row as a spreadsheet shows it.
        file: Path of the photo as the table has it.
        values: The value of each attribute column.
        numbers: The number columns, NaN where empty.
        split: The split that the table names, `""` if none.
        height: As for `Photo`.
        width: As for `Photo`.
        digest: Hash of the photo's content.
        place: Place of picture and description in the spool.
        perceptual_hash: As for `Photo`.
        thumbnail: As for `Photo`, as bytes.
        colour: Judged colour, `""` if unsure or not asked for.
        colour_confidence: How sure that is, range [0, 1].
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
    colour: str
    colour_confidence: float


@dataclasses.dataclass
class CatalogRows:
    """The rows of a catalogue.

    Args:
        num_rows: Number of rows read: those kept and those refused.
        entries: The rows that are kept, in the order of the table.
        refusals: The rows that are refused.
    """

    num_rows: int = 0
    entries: list[Entry] = dataclasses.field(default_factory=list)
    refusals: list[Refusal] = dataclasses.field(default_factory=list)


def read_rows(table: Table, columns: Columns, settings: CatalogSettings, spool: Spool) -> CatalogRows:
    """Reads every row of a table and its photo.

    Args:
        table: The table.
        columns: What its columns mean.
        settings: How to read them.
        spool: Where to put pictures and descriptions.

    Returns:
        The rows; of those with the same photo the first one is kept.

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
    """Refuses rows with a value that too few of the rows that are kept have.

    Args:
        rows: The rows; changed in place.
        columns: What the columns mean.
        min_count: How many rows must have a value.
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
    """Returns for each attribute how often each of its values occurs."""
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
        place=spool.append([photo.image_bytes, row.description.encode()]),
        perceptual_hash=photo.perceptual_hash,
        thumbnail=photo.thumbnail.tobytes(),
        colour=photo.colour,
        colour_confidence=photo.colour_confidence,
    )
