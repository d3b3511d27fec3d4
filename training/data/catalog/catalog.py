"""Reads a catalogue: checks its table and photos, refuses unusable rows, and assigns the rest to splits."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.data.catalog import columns as catalog_columns
from training.data.catalog import near_duplicates
from training.data.catalog import splits as catalog_splits
from training.data.catalog.columns import Columns
from training.data.catalog.derived import DERIVED
from training.data.catalog.likely_typos import find_likely_typos
from training.data.catalog.photo_folder import PhotoFolder, RowSource
from training.data.catalog.quarantine import Refusal, count_reasons
from training.data.catalog.rows import (
    CatalogRows,
    Entry,
    count_values,
    read_rows,
    refuse_rare_values,
    stack_thumbnails,
)
from training.data.catalog.settings import CatalogSettings
from training.data.catalog.spool import Spool
from training.data.catalog.table import open_table
from training.data.picture_sizes import summarise_sizes

MAX_REPORTED_GROUPS = 200
MAX_REPORTED_FILES = 20


@dataclasses.dataclass(frozen=True)
class Catalog:
    """A catalogue as read by `read_catalog`.

    Args:
        entries: The kept rows, ordered by a hash of the photos' content.
        splits: The split of each kept row.
        refusals: The refused rows.
        values: Each attribute's values in the order of their class ids.
        columns: The roles of the table's columns.
        settings: The settings it was read with.
        report: Facts for the catalogue's owner; can be written as JSON.
        spool: The file that holds the converted photos and the descriptions.
    """

    entries: list[Entry]
    splits: list[str]
    refusals: list[Refusal]
    values: dict[str, tuple[str, ...]]
    columns: Columns
    settings: CatalogSettings
    report: dict
    spool: Spool


class RefusedRowsError(ValueError):
    """Raised if a catalogue's remaining rows cannot be used, or a row was refused in strict mode.

    Args:
        message: What must hold, and what was received.
        refusals: The refused rows.
    """

    def __init__(self, message: str, refusals: list[Refusal]):
        super().__init__(message)
        self.refusals = refusals


def read_catalog(settings: CatalogSettings, spool: Spool, is_strict: bool = False) -> Catalog:
    """Reads the table and the photos, and keeps or refuses each row.

    Args:
        settings: What to read, and how.
        spool: Receives the converted photos and the descriptions.
        is_strict: Whether a refused row is an error.

    Returns:
        The catalogue.

    Raises:
        RefusedRowsError: If no row is left, an attribute has fewer than two values in the kept rows, the
            photos are too few or too similar to be split, or `is_strict` is set and a row was refused.
        ValueError: If the table cannot be used.

    Example:

    ```python
    with Spool("photos.spool") as spool:
        catalog = read_catalog(CatalogSettings(images_dir="photos", table="catalog.csv"), spool)
    ```
    """
    table = open_rows(settings)
    columns = catalog_columns.find_columns(table, attribute_columns(settings, table), settings.renames)
    rows = read_rows(table, columns, settings, spool)
    # Counted before rare values are refused, because typos are rare.
    read_counts = count_values(rows.entries, columns.attributes)
    refuse_rare_values(rows, columns, settings.min_count)
    report: dict[str, Any] = {
        "table": table.path.name,
        "encoding": table.encoding,
        "format": table.describe(),
        "image_column": columns.image,
        "pictures": settings.describe_pictures(),
        "cuts_out": settings.cuts_out,
        "rows_read": rows.num_rows,
        "kept": len(rows.entries),
        "quarantined": len(rows.refusals),
        "refusals": count_reasons(rows.refusals),
    }
    _check_rest(rows, columns, report, is_strict)
    report["photo_sizes"] = summarise_sizes(Counter((entry.height, entry.width) for entry in rows.entries))
    counts = count_values(rows.entries, columns.attributes)
    report["likely_typos"] = [
        list(pair) for name in read_counts for pair in find_likely_typos(read_counts[name])
    ]
    values = {name: tuple(sorted(counter)) for name, counter in counts.items()}
    for name in settings.derived:
        values[name] = _keep_sure_values(name, rows, settings.min_count, report)
    try:
        splits = _assign_splits(rows.entries, settings, columns, report)
    except ValueError as error:
        raise RefusedRowsError(str(error), rows.refusals) from error
    order = sorted(range(len(rows.entries)), key=lambda index: rows.entries[index].digest)
    spool.flush()
    return Catalog(
        entries=[rows.entries[index] for index in order],
        splits=[splits[index] for index in order],
        refusals=rows.refusals,
        values=values,
        columns=columns,
        settings=settings,
        report=report,
        spool=spool,
    )


def describe_counts(report: Mapping) -> str:
    """Describes how a report's row counts add up.

    Example:

    >>> describe_counts({"rows_read": 3, "kept": 2, "quarantined": 1, "refusals": {"missing": 1}})
    '3 rows read = 2 kept + 1 quarantined (1 missing)'
    """
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in report["refusals"].items())
    counts = (
        f"{report['rows_read']:,} rows read = {report['kept']:,} kept + {report['quarantined']:,} quarantined"
    )
    return f"{counts} ({reasons})" if reasons else counts


def open_rows(settings: CatalogSettings) -> RowSource:
    """Returns the table, or the photo folder if there is no table."""
    if settings.table is None:
        return PhotoFolder(Path(settings.images_dir))
    return open_table(settings.table, settings.encoding)


def attribute_columns(settings: CatalogSettings, table: RowSource) -> tuple[str, ...]:
    """Returns the attributes that are columns of the table: all that are not derived.

    Raises:
        ValueError: If an attribute is to be derived and the table already has a column for it.
    """
    for name in settings.derived:
        if name in table.columns:
            plural = DERIVED[name].plural
            raise ValueError(
                f"{plural} can be derived only for a table without a {name} column. "
                f"Received: {table.path.name} with a column {name}. List it in --attributes and leave out "
                f"--derive {name}, or delete the column."
            )
    return tuple(name for name in settings.attributes or () if name not in settings.derived)


def _check_rest(rows: CatalogRows, columns: Columns, report: dict, is_strict: bool) -> None:
    counts = describe_counts(report)
    if is_strict and rows.refusals:
        raise RefusedRowsError(
            f"Every row must be kept, because --strict is set. Received: {counts}. Correct the refused rows, "
            "or leave out `--strict`.",
            rows.refusals,
        )
    if not rows.entries:
        hint = ""
        if report["refusals"].get("missing") == report["quarantined"] > 0:
            example = rows.refusals[0].file
            hint = f" Paths such as {example!r} must be relative to the folder given by --images."
        raise RefusedRowsError(
            f"At least one row must be kept. Received: {counts}.{hint} Correct the table.", rows.refusals
        )
    try:
        catalog_columns.check_values(count_values(rows.entries, columns.attributes))
    except ValueError as error:
        raise RefusedRowsError(f"{error} The table: {counts}.", rows.refusals) from error


def _keep_sure_values(name: str, rows: CatalogRows, min_count: int, report: dict) -> tuple[str, ...]:
    """Returns a derived attribute's values that occur often enough, and sets all others to unknown."""
    attribute = DERIVED[name]
    counts = Counter(entry.derived[name].value for entry in rows.entries)
    values = tuple(value for value in attribute.list_values() if counts[value] >= max(min_count, 1))
    for entry in rows.entries:
        if entry.derived[name].value not in values:
            entry.derived[name] = entry.derived[name]._replace(value="")
    num_unknown = sum(not entry.derived[name].value for entry in rows.entries)
    report[f"derived_{name}"] = {
        "threshold": attribute.threshold(),
        "counts": {value: counts[value] for value in values} | {"": num_unknown},
    }
    if len(values) < 2:
        raise RefusedRowsError(
            f"{attribute.plural}: at least two must be recognised, because a model cannot learn a constant. "
            f"Received: {', '.join(values) or 'none'}, {num_unknown} unknown. Leave out --derive {name}.",
            rows.refusals,
        )
    return values


def _assign_splits(
    entries: list[Entry], settings: CatalogSettings, columns: Columns, report: dict
) -> list[str]:
    hashes = np.array([entry.perceptual_hash for entry in entries], "uint64")
    groups = near_duplicates.group_near_duplicates(hashes, stack_thumbnails(entries)).tolist()
    members: dict[int, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    alike = [indices for indices in members.values() if len(indices) > 1]
    report["num_near_duplicate_groups"] = len(alike)
    report["near_duplicate_groups"] = [
        [entries[index].file for index in indices[:MAX_REPORTED_FILES]]
        for indices in alike[:MAX_REPORTED_GROUPS]
    ]
    places = {
        group: min(catalog_splits.to_place(entries[index].digest) for index in indices)
        for group, indices in members.items()
    }
    strata = {
        group: Counter(_stratum(entries[index]) for index in indices).most_common(1)[0][0]
        for group, indices in members.items()
    }
    by_table = catalog_splits.keep_together(
        {group: [entries[index].split for index in indices] for group, indices in members.items()}
    )
    report["moved_between_splits"] = [
        entry.file
        for entry, group in zip(entries, groups, strict=True)
        if entry.split and entry.split != by_table[group]
    ][:MAX_REPORTED_GROUPS]
    fractions = {"validation": settings.validation, "test": settings.test}
    sizes = {group: len(indices) for group, indices in members.items()}
    splits, cut_from_train = catalog_splits.complete_splits(by_table, places, strata, fractions, sizes)
    report["splits"] = _describe_splits(by_table, splits, cut_from_train)
    return [splits[group] for group in groups]


def _stratum(entry: Entry) -> str:
    values = (*entry.values, *(judgement.value for judgement in entry.derived.values()))
    return values[0] if values else ""


def _describe_splits(by_table: dict, splits: dict, cut_from_train: list[str]) -> str:
    if not by_table:
        return "by a hash of each photo"
    parts = ["by the column split"]
    if len(by_table) < len(splits):
        parts.append("by a hash of the photo where that is empty")
    if cut_from_train:
        parts.append(f"{' and '.join(cut_from_train)}, which it never names, cut out of train by a hash")
    return "; ".join(parts)
