"""Counts how many photos the tagger names right, and how many other things it calls unlike what it knows.

    python tests/benchmarks/tagger.py --photos DIR --table catalog.csv [--others DIR ...] [--model NAME]

DIR holds the photos that the table names, and `catalog.csv` has the columns image, category and split; only
the rows of `--split` (validation) are asked. Every photo goes through the signature `classify_png`, as a
client would send it. `--others` are folders of pictures that show none of the categories.
"""

import argparse
import csv
import os
import sys
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np  # noqa: E402 - after the path is set

from export.signatures.of_models import make_signatures  # noqa: E402
from training.trained_model import load_run_or_preset  # noqa: E402
from zoo.pictures.photo import read_photo
from zoo.pictures.photo_files import UnreadablePhotoError  # noqa: E402
from zoo.pictures.photo_writer import write_png  # noqa: E402

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp"}
BATCH_SIZE = 8
NOTHING = "(no product found)"


def name_photos(signature, paths: list[Path]) -> list[str]:
    """Returns each photo's category as `classify_png` answers."""
    names = []
    for start in range(0, len(paths), BATCH_SIZE):
        files = [_to_png(path) for path in paths[start : start + BATCH_SIZE]]
        outputs = signature.run({"image_bytes": np.array(files, dtype=object)})
        for name, error in zip(outputs["category"], outputs["error"], strict=True):
            names.append(name.decode() if not error else NOTHING)
    return names


def _to_png(path: Path) -> bytes:
    try:
        return write_png(read_photo(path.read_bytes()))
    except UnreadablePhotoError:
        return b""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="classifier_clothing")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--split", default="validation")
    parser.add_argument("--others", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    model = load_run_or_preset(options.model).model
    (signature,) = make_signatures(model)
    with open(options.table, encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == options.split]
    names = name_photos(signature, [options.photos / row["image"] for row in rows])
    pairs = Counter((row["category"], name) for row, name in zip(rows, names, strict=True))
    right = sum(number for (wanted, name), number in pairs.items() if wanted == name)
    print(f"{right} of {len(rows)} photos named right: {100 * right / len(rows):.1f} %")
    for category in sorted({row["category"] for row in rows}):
        answers = Counter({name: number for (wanted, name), number in pairs.items() if wanted == category})
        print(f"  {category}: " + ", ".join(f"{name} {number}" for name, number in answers.most_common()))
    for folder in options.others:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        answers = Counter(name_photos(signature, paths))
        print(f"{folder.name}: " + ", ".join(f"{name} {number}" for name, number in answers.most_common()))


if __name__ == "__main__":
    main()
