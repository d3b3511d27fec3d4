"""Measures the accuracy of judged product colours, on real photos labelled by eye and on drawings.

Run it as `ZOO_BENCH_DATA=FOLDER python tests/benchmarks/product_colour.py`; the folder holds
`clothing/images`, the photos of clothing-dataset-small (CC0). The labels were written before any judgement
was seen; the held-out split is for a final figure, not for tuning.
"""

import argparse
import collections
import csv
import itertools
import os
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

from training.colour.product_colour import CONFIDENCE_THRESHOLD, judge_colour  # noqa: E402 - after the path is set
from training.data.catalog.photo import JUDGED_SIDE  # noqa: E402
from training.data.catalog.product import find_product  # noqa: E402
from training.data.catalog.quarantine import UnreadableRowError  # noqa: E402
from training.data.rendered.drawing import PATTERNS, draw_product  # noqa: E402
from training.data.rendered.shapes import SHAPES  # noqa: E402
from zoo.colour.basic_colours import COLOURS

LABELS = Path(__file__).with_name("clothing_colour_labels.csv")
LEFT_OUT = ("multicoloured", "undecidable")


def measure(name: str, pictures, labels: list[str]) -> None:
    """Prints accuracy, coverage, speed and the confusion table."""
    start = time.process_time()
    judgements = [judge_colour(picture) for picture in pictures]
    milliseconds = (time.process_time() - start) * 1000 / len(judgements)
    is_right = np.array(
        [judgement.best == label for judgement, label in zip(judgements, labels, strict=True)]
    )
    is_confident = np.array([judgement.colour != "" for judgement in judgements])
    num_confident = int(is_confident.sum())
    right_and_confident = int((is_right & is_confident).sum())
    print(
        f"\n{name}: {is_right.sum()} of {len(labels)} right ({is_right.mean():.1%}); of the confident "
        f"{right_and_confident} of {num_confident} ({right_and_confident / max(1, num_confident):.1%}); "
        f"coverage {is_confident.mean():.1%}; {milliseconds:.1f} ms a picture, reading included"
    )
    confusions = collections.Counter(
        (label, judged.best) for label, judged in zip(labels, judgements, strict=True)
    )
    names = [colour for colour in COLOURS if any(colour in pair for pair in confusions)]
    print("label \\ judged".ljust(16) + "".join(f"{colour:>8}" for colour in names))
    for label in names:
        print(label.ljust(16) + "".join(f"{confusions[label, judged] or '.':>8}" for judged in names))


def read_whole(path: Path) -> np.ndarray:
    """Returns a photo, whose product the rule finds by colour and position."""
    return np.asarray(Image.open(path).convert("RGB"))


def read_cut_out(path: Path) -> np.ndarray:
    """Returns the product that `zoo data build --derive colour` sees; nothing of it where none is found."""
    photo = read_whole(path)
    try:
        return find_product(photo, JUDGED_SIDE).picture
    except UnreadableRowError:
        return np.concatenate([photo, np.full_like(photo[..., :1], 255)], axis=-1)


def measure_photos(folder: Path, splits: list[str], read, ways: str) -> None:
    """Measures each split of the labelled photos separately."""
    with LABELS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for split in splits:
        in_split = [row for row in rows if row["split"] == split]
        kept = [row for row in in_split if row["label"] not in LEFT_OUT]
        photos = (read(folder / row["file"]) for row in kept)
        left_out = collections.Counter(row["label"] for row in in_split if row["label"] in LEFT_OUT)
        measure(
            f"Photos {ways}, {split} (left out: {dict(left_out)})", photos, [row["label"] for row in kept]
        )
        open_ones = [
            judge_colour(read(folder / row["file"])).colour == ""
            for row in in_split
            if row["label"] in LEFT_OUT
        ]
        print(f'Of those left out, {np.mean(open_ones):.1%} were judged "".')


def measure_drawings(size: int, seed: int) -> None:
    """Measures every combination of the rendered catalogue, drawn once."""
    combinations = list(itertools.product(SHAPES, COLOURS, PATTERNS))
    pictures = [
        draw_product(*combination, size, np.random.default_rng([seed, index]))
        for index, combination in enumerate(combinations)
    ]
    measure(f"Drawings of {size} pixels", pictures, [colour for _, colour, _ in combinations])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", nargs="+", default=["development", "held_out"])
    parser.add_argument("--sizes", nargs="*", type=int, default=[64, 128])
    parser.add_argument("--seed", type=int, default=0, help="of the drawings")
    arguments = parser.parse_args()

    print(f"Confident: at least {CONFIDENCE_THRESHOLD}")
    for size in arguments.sizes:
        measure_drawings(size, arguments.seed)
    folder = os.environ.get("ZOO_BENCH_DATA")
    if folder:
        images = Path(folder) / "clothing" / "images"
        measure_photos(images, arguments.splits, read_whole, "by colour and position")
        measure_photos(images, arguments.splits, read_cut_out, "by mask")
    else:
        print("\nSkipped: the photos. Set ZOO_BENCH_DATA to the folder that holds clothing/images.")


if __name__ == "__main__":
    main()
