"""Draws photos for benchmarks, of a folder or of a table's split."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image


def add_arguments(parser, count: int) -> None:
    """Adds `--photos`, `--table`, `--split` and `--count` to a benchmark's arguments."""
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--table", type=Path, help="CSV with the columns image and split")
    parser.add_argument("--split", default="validation")
    parser.add_argument("--count", type=int, default=count, help="photos, drawn with seed 0")


def draw_paths(arguments) -> list[Path]:
    """Returns the paths of photos in an order that seed 0 draws."""
    if arguments.table:
        with arguments.table.open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["split"] == arguments.split]
        paths = [arguments.photos / row["image"] for row in rows]
    else:
        paths = sorted(path for path in arguments.photos.rglob("*") if path.is_file())
    chosen = np.random.default_rng(0).permutation(len(paths))[: arguments.count]
    return [paths[index] for index in chosen]


def read(path: Path) -> np.ndarray:
    """Returns a photo, uint8 `[h, w, 3]`."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))
