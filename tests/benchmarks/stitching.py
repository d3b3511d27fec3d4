"""Measures stitching on views of real photos, whose place is known exactly, beside OpenCV's Stitcher.

    python tests/benchmarks/stitching.py pairs|seams|chain|strangers --photos DIR [--table FILE]
    python tests/benchmarks/stitching.py sheet|parallax --photos DIR [--names FILE ...] --output FILE

Views are turned by up to 4 degrees, scaled by up to 5 %, slightly tilted, brighter or darker by up to 15 %,
and have noise of 2 grey levels (`tests/support/overlapping_views.py`).
"""

import argparse
import csv
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from overlapping_views import corner_error, make_views, show  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402

from zoo.stitching.alignment import align  # noqa: E402
from zoo.stitching.matching import Pair, match  # noqa: E402
from zoo.stitching.rectangle import largest_rectangle  # noqa: E402
from zoo.stitching.stitcher import BLENDS, Stitcher  # noqa: E402
from zoo.stitching.view import view_photo  # noqa: E402

OVERLAPS = (0.5, 0.3, 0.2)
NEAR_PIXELS = 5.0
# Confidence that OpenCV's Stitcher asks of two photos: its own, and a lowered one.
OPENCV_THRESHOLDS = (1.0, 0.3)
SHEET_COLUMNS, CELL_WIDTH, GAP = 3, 420, 14
# How far a product moves before its ground between two photos.
PARALLAX_PIXELS = 36


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("pairs", "seams", "chain", "strangers", "sheet", "parallax"))
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--table", type=Path, help="CSV with the columns image and split")
    parser.add_argument("--split", default="validation")
    parser.add_argument("--count", type=int, default=40, help="photos, drawn with seed 0")
    parser.add_argument(
        "--names", nargs="*", help="files instead of drawn ones; for parallax a cut-out and its ground"
    )
    parser.add_argument("--output", type=Path, default=Path("stitched.png"))
    arguments = parser.parse_args()
    paths = choose(arguments)
    if arguments.part == "pairs":
        measure_pairs(paths)
    elif arguments.part == "seams":
        measure_seams(paths)
    elif arguments.part == "chain":
        measure_chain(paths)
    elif arguments.part == "strangers":
        measure_strangers(paths)
    elif arguments.part == "parallax":
        make_parallax(paths, arguments.output)
    else:
        make_sheet(paths, arguments.output)


def choose(arguments) -> list[Path]:
    if arguments.names:
        return [arguments.photos / name for name in arguments.names]
    paths = sorted(path for path in arguments.photos.rglob("*") if path.suffix.lower() in (".jpg", ".png"))
    if arguments.table:
        with arguments.table.open(newline="") as file:
            chosen = {
                Path(row["image"]).name for row in csv.DictReader(file) if row["split"] == arguments.split
            }
        paths = [path for path in paths if path.name in chosen]
    order = np.random.default_rng(0).permutation(len(paths))
    return [paths[index] for index in order[: arguments.count]]


def read_wide(path: Path, height: int | None = None) -> np.ndarray:
    """Reads a photo, laid on its longer side."""
    photo = Image.open(path).convert("RGB")
    if photo.height > photo.width:
        photo = photo.transpose(Image.Transpose.ROTATE_90)
    if height is not None:
        photo = photo.resize((round(photo.width * height / photo.height), height), Image.Resampling.BICUBIC)
    return np.asarray(photo)


def measure_pairs(paths):
    print(f"{len(paths)} pairs; within {NEAR_PIXELS:g} px of the truth, median error of the corners")
    for overlap in OVERLAPS:
        errors, seconds, refused = [], 0.0, []
        opencv = dict.fromkeys(((mode, limit) for mode in (0, 1) for limit in OPENCV_THRESHOLDS), 0)
        for seed, path in enumerate(paths):
            first, second = make_views(read_wide(path), 2, overlap, seed)
            start = time.perf_counter()
            found = match(view_photo(first.raw_image), view_photo(second.raw_image))
            seconds += time.perf_counter() - start
            if isinstance(found, Pair):
                errors.append(corner_error(found.homography, first, second))
            else:
                refused.append(f"{path.name} ({found.reason})")
            for mode, limit in opencv:
                opencv[mode, limit] += stitches(mode, limit, [first.raw_image, second.raw_image])
        found = np.array(errors)
        num_near = np.sum(found < NEAR_PIXELS)
        print(
            f"overlap {overlap:.0%}: {num_near} near, {len(found) - num_near} not, {len(refused)} refused, "
            f"median {np.median(found):.2f} px, most {np.max(found):.1f}, {seconds / len(paths):.2f} s a pair"
        )
        for text in refused:
            print(f"  refused: {text}")
        for (mode, limit), count in opencv.items():
            name = "panorama" if mode == 0 else "scans"
            print(f"  OpenCV {cv2.__version__}, {name}, threshold {limit}: {count} gave a picture at all")


def stitches(mode, threshold, raw_images) -> bool:
    """Returns whether OpenCV's Stitcher makes a picture of photos."""
    stitcher = cv2.Stitcher.create(mode)
    stitcher.setPanoConfidenceThresh(threshold)
    try:
        return stitcher.stitch(raw_images)[0] == cv2.Stitcher_OK
    except cv2.error:  # it raises where it finds no features
        return False


def measure_seams(paths):
    """Prints how near the overlap is to the photo without noise, up to one gain a channel."""
    stitcher, decibels = Stitcher(), {blend: [] for blend in BLENDS}
    for seed, path in enumerate(paths):
        picture = read_wide(path)
        views = make_views(picture, 2, 0.3, seed)
        alignment = align([view_photo(view.raw_image) for view in views])
        if len(alignment.order) < 2:
            continue
        used = [views[index] for index in alignment.order]
        for blend in BLENDS:
            made, _ = stitcher.stitch([view.raw_image for view in used], alignment.homographies, blend)
            corner = _corner_of_canvas(used, alignment.homographies)
            truth = show(picture, used[0].to_picture @ corner, *made.shape[:2])
            both = np.ones(made.shape[:2], bool)
            for view, homography in zip(used, alignment.homographies, strict=True):
                to_canvas = np.linalg.inv(corner) @ homography
                ones = np.ones(view.raw_image.shape[:2], "uint8")
                size = made.shape[1::-1]
                both &= cv2.warpPerspective(ones, to_canvas, size, flags=cv2.INTER_NEAREST) > 0
            shown, true = made[both].astype(float), truth[both]
            gains = (shown * true).sum(axis=0) / (true**2).sum(axis=0)
            decibels[blend].append(10 * np.log10(255**2 / np.mean((shown - gains * true) ** 2)))
    for blend, values in decibels.items():
        print(f"{blend}: {np.mean(values):.2f} dB in the overlap of 30 %, {len(values)} pairs")


def _corner_of_canvas(views, homographies):
    places = []
    for view, homography in zip(views, homographies, strict=True):
        height, width = view.raw_image.shape[:2]
        ends = np.array([[0, width - 1, width - 1, 0], [0, 0, height - 1, height - 1], [1, 1, 1, 1]])
        places.append((homography @ ends)[:2] / (homography @ ends)[2])
    left, top = np.floor(np.concatenate(places, axis=1).min(axis=1) + 0.01)
    return np.array([[1, 0, left], [0, 1, top], [0, 0, 1]])


def measure_chain(paths):
    """Prints the time and the errors of five photos of 1 megapixel, given in another order."""
    stitcher, order = Stitcher(), (3, 0, 4, 1, 2)
    for seed, path in enumerate(paths):
        picture = np.asarray(Image.fromarray(read_wide(path)).resize((4100, 1180), Image.Resampling.BICUBIC))
        views = make_views(picture, 5, 0.3, seed)
        given = [views[index] for index in order]
        start = time.perf_counter()
        alignment = align([view_photo(view.raw_image) for view in given])
        aligned = time.perf_counter()
        used = [given[index] for index in alignment.order]
        made, _ = stitcher.stitch([view.raw_image for view in used], alignment.homographies)
        end = time.perf_counter()
        errors = [
            corner_error(homography, used[0], view)
            for view, homography in zip(used, alignment.homographies, strict=True)
        ]
        print(
            f"{path.name}: {len(used)} of 5 at {views[0].raw_image.shape[1]}x{views[0].raw_image.shape[0]}, "
            f"{end - start:.2f} s (of it {aligned - start:.2f} s to align), picture {made.shape[1]}x"
            f"{made.shape[0]}, corners off by at most {max(errors):.2f} px"
        )


def measure_strangers(paths):
    """Prints how many photos of different things are taken for a pair."""
    views = [view_photo(np.asarray(Image.open(path).convert("RGB"))) for path in paths]
    pairs = [(one, other) for one in range(len(views)) for other in range(one)]
    taken = [key for key in pairs if isinstance(match(views[key[0]], views[key[1]]), Pair)]
    print(f"{len(taken)} of {len(pairs)} pairs of strangers are stitched")
    for one, other in taken:
        print(f"  {paths[one].name} {paths[other].name}")


def make_sheet(paths, output):
    """Draws three views of each photo, and below them what is made of them or why nothing is."""
    stitcher, cells = Stitcher(), []
    for seed, path in enumerate(paths):
        views = make_views(read_wide(path, 500), 3, 0.3, seed)
        cells.append(_draw_cell(stitcher, [view.raw_image for view in views]))
    rows = [cells[start : start + SHEET_COLUMNS] for start in range(0, len(cells), SHEET_COLUMNS)]
    heights = [max(cell.height for cell in row) + GAP for row in rows]
    sheet = Image.new("RGB", (SHEET_COLUMNS * (CELL_WIDTH + GAP), sum(heights)), "white")
    for row, top in zip(rows, np.cumsum([0, *heights]).tolist(), strict=False):
        for column, cell in enumerate(row):
            sheet.paste(cell, (column * (CELL_WIDTH + GAP), top))
    sheet.save(output, quality=88)
    print(f"Sheet: {output}")


def make_parallax(paths, output):
    """Draws what happens when the camera moves: a cut-out product that shifts before its ground."""
    product, ground = Image.open(paths[0]).convert("RGBA"), Image.fromarray(read_wide(paths[1], 500))
    product.thumbnail((330, 330))
    views = []
    for left, shift in ((0, 0), (ground.width // 4, -PARALLAX_PIXELS)):
        scene = ground.copy()
        scene.paste(product, (ground.width // 2 - product.width // 2 + shift, 80), product)
        views.append(np.asarray(scene.crop((left, 0, left + ground.width * 3 // 4, ground.height))))
    _draw_cell(Stitcher(), views).save(output, quality=88)
    print(f"Sheet: {output}")


def _draw_cell(stitcher, raw_images):
    padded = [np.pad(raw_image, [(0, 0), (0, 12), (0, 0)], constant_values=255) for raw_image in raw_images]
    parts = [_fit(Image.fromarray(np.concatenate(padded, axis=1)))]
    alignment = align([view_photo(raw_image) for raw_image in raw_images])
    if len(alignment.order) > 1:
        used = [raw_images[index] for index in alignment.order]
        made, mask = stitcher.stitch(used, alignment.homographies)
        top, left, bottom, right = largest_rectangle(mask)
        parts.append(_fit(Image.fromarray(made[top:bottom, left:right])))
    for index, refusal in alignment.refused.items():
        strip = Image.new("RGB", (CELL_WIDTH, 22), "white")
        ImageDraw.Draw(strip).text((4, 4), f"photo {index + 1} is not used: {refusal.reason}", fill="black")
        parts.append(strip)
    cell = Image.new("RGB", (CELL_WIDTH, sum(part.height for part in parts)), "white")
    for part, top in zip(parts, np.cumsum([0, *(part.height for part in parts)]).tolist(), strict=False):
        cell.paste(part, (0, top))
    return cell


def _fit(picture):
    return picture.resize((CELL_WIDTH, round(picture.height * CELL_WIDTH / picture.width)))


if __name__ == "__main__":
    main()
