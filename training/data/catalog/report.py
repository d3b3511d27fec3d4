"""Describes a catalogue in the output of `zoo data build`."""

from collections.abc import Mapping
from pathlib import Path

from training.data.catalog import columns as catalog_columns
from training.data.catalog.catalog import attribute_columns, describe_counts, open_rows
from training.data.catalog.derived import DERIVED
from training.data.catalog.likely_typos import rename_option
from training.data.catalog.photo_folder import FORMAT
from training.data.catalog.quarantine import FILE_NAME
from training.data.catalog.settings import CatalogSettings

MAX_NAMED = 10


def describe(report: Mapping, version_dir: Path) -> list[str]:
    """Describes the fate of a catalogue's rows for its owner, as lines of text.

    Args:
        report: The entry `report` in a prepared catalogue's metadata.
        version_dir: The prepared catalogue's directory.
    """
    has_table = report["format"] != FORMAT
    column = f"; photos are in the column {report['image_column']}" if has_table else ""
    lines = [
        f"Read {report['table']} ({report['format']}){column}.",
        f"{describe_counts(report)}.",
    ]
    if report["quarantined"]:
        lines.append(f"Refused rows: {version_dir / FILE_NAME}")
    if report["num_near_duplicate_groups"]:
        number = report["num_near_duplicate_groups"]
        groups = "1 group" if number == 1 else f"{number:,} groups, each"
        line = f"Near-duplicates: {groups} kept in one split"
        moved = report["moved_between_splits"]
        lines.append(f"{line}; moved for that: {_shorten(moved)}." if moved else f"{line}.")
    if report["likely_typos"]:
        pairs = [f"{rarer!r} for {meant!r}" for rarer, meant in report["likely_typos"]]
        options = " ".join(rename_option(*pair) for pair in report["likely_typos"][:MAX_NAMED])
        lines.append(f"Likely typos: {_shorten(pairs)}. To merge them: {options}")
    for name, attribute in DERIVED.items():
        if f"derived_{name}" in report:
            counts = report[f"derived_{name}"]["counts"]
            named = ", ".join(f"{count:,} {value or 'unsure'}" for value, count in counts.items())
            lines.append(f"{attribute.plural}: {named}.")
    lines.append(f"Pictures: {report['pictures']}. Splits: {report['splits']}.")
    return lines


def describe_plan(settings: CatalogSettings) -> str:
    """Describes how a table would be read, without reading any photo.

    Raises:
        ValueError: If the table cannot be used.
    """
    table = open_rows(settings)
    columns = catalog_columns.find_columns(table, attribute_columns(settings, table), settings.renames)
    used = [*columns.attributes, *columns.numbers]
    used += [name for name in ("description", "split") if name in table.columns]
    return (
        f"Would read {table.path.name} ({table.describe()}): photos in the column {columns.image}; also "
        f"{', '.join(used) or 'nothing'}. Pictures: {settings.describe_pictures()}."
    )


def _shorten(names: list[str]) -> str:
    rest = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")
