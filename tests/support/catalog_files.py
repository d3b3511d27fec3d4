"""Makes small catalogues of photos and tables, for tests."""

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

from training.data import data_sets

CATEGORIES = ("bag", "dress", "shoe")


def draw_photo(seed: int, width: int = 40, height: int = 50) -> Image.Image:
    """Draws a photo unlike any other: smooth random shapes in random colours."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 5, 3), dtype="uint8")
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def write_photos(directory: Path, num_photos: int, first: int = 0, kind: str = "png") -> list[dict[str, str]]:
    """Writes photos and returns their rows: `image` and `category`."""
    directory.mkdir(parents=True, exist_ok=True)
    rows = []
    for index in range(first, first + num_photos):
        file = f"{index}.{kind}"
        draw_photo(index).save(directory / file)
        rows.append({"image": file, "category": CATEGORIES[index % len(CATEGORIES)]})
    return rows


def write_table(path: Path, rows: list[dict], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """Writes rows as CSV."""
    with open(path, "w", newline="", encoding=encoding) as file:
        columns = list(dict.fromkeys(key for row in rows for key in row))
        writer = csv.DictWriter(file, columns, delimiter=delimiter, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_json_lines(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read_quarantine(path: Path) -> list[tuple[int, str, str]]:
    """Returns row, file and reason of each refused row."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [(int(row["row"]), row["file"], row["reason"]) for row in rows]


def load_shop(tmp_path, name="shop"):
    """Loads the data set that the fixture `build_shop` built."""
    return data_sets.load_data_set(name, tmp_path / "data")
