"""Compares photos with each other and with a catalogue's table: near-duplicates, and colours that differ."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from serving.audit.findings import ADVICE, Finding
from training.colour.product_colour import CONFIDENCE_THRESHOLD, judge_colour
from training.data.catalog.columns import IMAGE_COLUMNS
from training.data.catalog.near_duplicates import Look, group_near_duplicates
from training.data.catalog.photo import find_photo
from training.data.catalog.quarantine import UnreadableRowError
from training.data.catalog.table import open_table
from zoo.colour.basic_colours import COLOURS
from zoo.errors import WrongUsageError

COLOUR_COLUMNS = ("colour", "color")
# Other spellings of the eleven basic colours.
_SPELLINGS = {"gray": "grey", "violet": "purple"}
NEAR_DUPLICATE = "near-duplicate of another photo"
COLOUR_IN_TABLE = "colour in the table"


def find_copies(looks: Mapping[Path, Look]) -> list[Finding]:
    """Returns a finding for every photo that looks like one before it."""
    if not looks:
        return []
    paths = sorted(looks)
    hashes = np.array([looks[path].perceptual_hash for path in paths], "uint64")
    groups = group_near_duplicates(hashes, np.stack([looks[path].thumbnail for path in paths]))
    return [
        Finding(path, "", ADVICE, NEAR_DUPLICATE, str(paths[first]), "none", remedy="leave one of them out")
        for number, (path, first) in enumerate(zip(paths, groups.tolist(), strict=True))
        if first != number
    ]


def read_colours(table: Path, folder: Path) -> dict[Path, str]:
    """Reads the colours of photos from a catalogue's table.

    Args:
        table: A table as `zoo data build` reads it, with a column for photos and one for colours.
        folder: The folder of the photos.

    Returns:
        The cells by the photos' resolved paths, `""` where there is no colour. Rows whose photo does not
        exist are left out.

    Raises:
        WrongUsageError: The table cannot be read, or lacks one of the columns.
    """
    try:
        rows = open_table(table)
    except (OSError, ValueError, csv.Error) as error:
        raise WrongUsageError(
            f"`--table` must be a catalogue's table. Received: {table}: {error} Name another file."
        ) from error
    image, colour = (
        next((name for name in names if name in rows.columns), None)
        for names in (IMAGE_COLUMNS, COLOUR_COLUMNS)
    )
    if image is None or colour is None:
        raise WrongUsageError(
            f"`--table` must have a column for the photos ({', '.join(IMAGE_COLUMNS)}) and one for the "
            f"colour ({', '.join(COLOUR_COLUMNS)}). Received: {table} with {', '.join(rows.columns)}. Rename "
            "one of them."
        )
    found = {}
    for row in rows.read():
        try:
            found[find_photo(row.cells.get(image, ""), folder)] = row.cells.get(colour, "").strip()
        except UnreadableRowError:  # no such photo: there is nothing to compare
            continue
    return found


def compare_colour(photo: Path, product: np.ndarray, in_table: str) -> Finding | None:
    """Compares a product's colour with the one that the table says.

    Args:
        photo: The photo.
        product: uint8 array `[h, w, 4]`: colours, and the product's mask.
        in_table: The table's cell. Colours other than the eleven basic ones are not compared.

    Returns:
        A finding if the colour is missing or another one; None otherwise.
    """
    judged = judge_colour(product)
    word = in_table.lower()
    word = _SPELLINGS.get(word, word)
    if word and word not in COLOURS:
        return None
    if word == judged.best or (not word and not judged.colour):
        return None
    is_sure = judged.confidence >= CONFIDENCE_THRESHOLD
    return Finding(
        photo,
        "",
        ADVICE,
        COLOUR_IN_TABLE,
        judged.best,
        in_table or "none",
        is_sure,
        "look at it, and mend the table",
    )
