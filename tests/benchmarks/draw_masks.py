"""Draws and corrects masks of products by hand: polygons, snapped to the photo's edges by GrabCut.

    python tests/benchmarks/draw_masks.py propose --photos DIR --masks DIR NAME...
    python tests/benchmarks/draw_masks.py view --photos DIR --masks DIR --output sheet.png [--box L,T,R,B]
    NAME... python tests/benchmarks/draw_masks.py outline --photos DIR --masks DIR NAME x,y x,y x,y ...
    python tests/benchmarks/draw_masks.py add --photos DIR --masks DIR [--exact] NAME x,y x,y x,y ...
    python tests/benchmarks/draw_masks.py remove --photos DIR --masks DIR [--exact] NAME x,y x,y x,y ...

`propose` makes a first mask by colour and position, `view` shows photos with a grid of their coordinates
beside their masks, `outline` replaces a mask by a polygon, `add` and `remove` change a part of it.
Coordinates are the photo's own pixels. Within six pixels of a polygon's outline GrabCut decides by colour;
`--exact` takes it as drawn. Needs opencv-python-headless, which the project itself does not depend on.

Sources:
    [GrabCut] Rother, Kolmogorov and Blake 2004, "GrabCut": interactive foreground extraction.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from training.colour.foreground import find_foreground  # noqa: E402 - after the path is set
from training.colour.oklab import to_linear, to_oklab  # noqa: E402

SNAP_PIXELS = 6
# Colours are learned from this far around a polygon.
NEAR_PIXELS = 30
PROPOSAL_SIDE, PROPOSAL_BAND = 240, 7
SURE, SURE_CORE = 0.93, 0.8
# Parts smaller than this share of the largest one, and holes smaller than this share of the photo, are noise.
SMALLEST_PART, SMALLEST_HOLE = 0.15, 0.0012
CELL = 560


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["propose", "view", "outline", "add", "remove"])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("sheet.png"))
    parser.add_argument("--box", help="the part to look at: left,top,right,bottom in the photo's pixels")
    parser.add_argument("--exact", action="store_true", help="take the polygon as drawn, without GrabCut")
    parser.add_argument("names", nargs="+", help="photos without suffix; else one photo and the points")
    options = parser.parse_args()
    options.masks.mkdir(parents=True, exist_ok=True)
    if options.action == "propose":
        for name in options.names:
            write_mask(options, name, propose(read_photo(options, name)))
    elif options.action == "view":
        box = [int(side) for side in options.box.split(",")] if options.box else None
        cv2.imwrite(str(options.output), np.vstack([view(options, name, box) for name in options.names]))
    else:
        name, *points = options.names
        change(options, name, np.array([[float(value) for value in point.split(",")] for point in points]))


def read_photo(options, name: str) -> np.ndarray:
    photo = cv2.imread(str(options.photos / f"{name}.jpg"))
    if photo is None:
        sys.exit(f"There must be a photo of that name. Received: {options.photos / name}.jpg")
    return photo


def read_mask(options, name: str, photo: np.ndarray) -> np.ndarray:
    mask = cv2.imread(str(options.masks / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
    return np.zeros(photo.shape[:2], "uint8") if mask is None else (mask > 127).astype("uint8")


def write_mask(options, name: str, mask: np.ndarray) -> None:
    cv2.imwrite(str(options.masks / f"{name}.png"), 255 * mask)


def propose(photo: np.ndarray) -> np.ndarray:
    """Returns a first mask, 0 or 1: by colour and position, then by GrabCut, small and at full size."""
    height, width = photo.shape[:2]
    scale = PROPOSAL_SIDE / min(height, width)
    small = cv2.resize(photo, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    probabilities = find_foreground(to_oklab(to_linear(small[..., ::-1])))
    trimap = np.where(probabilities > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype("uint8")
    core = cv2.erode((probabilities > SURE_CORE).astype("uint8"), np.ones((9, 9), "uint8"))
    trimap[(probabilities > SURE) & (core == 1)] = cv2.GC_FGD
    edge = np.ones(trimap.shape, bool)
    edge[3:-3, 3:-3] = False
    trimap[edge & (probabilities < 0.5)] = cv2.GC_BGD
    mask = keep_large(grab(small, trimap, 4))
    mask = (cv2.resize(255 * mask, (width, height), interpolation=cv2.INTER_LINEAR) > 127).astype("uint8")
    inner, outer = grow(mask, -PROPOSAL_BAND), grow(mask, PROPOSAL_BAND)
    band = np.where(mask == 1, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    trimap = np.where(inner == 1, cv2.GC_FGD, np.where(outer == 1, band, cv2.GC_BGD)).astype("uint8")
    return keep_large(grab(photo, trimap, 2))


def change(options, name: str, polygon: np.ndarray) -> None:
    """Adds a polygon to a mask, removes it, or replaces the mask by it."""
    if len(polygon) < 3:
        sys.exit(f"A polygon must have at least three points. Received: {len(polygon)}.")
    photo = read_photo(options, name)
    shape = cv2.fillPoly(np.zeros(photo.shape[:2], "uint8"), [np.round(polygon).astype(int)], 1)
    before = read_mask(options, name, photo)
    if options.action == "outline":
        before = np.zeros_like(before)
    removes = options.action == "remove"
    if not options.exact:
        shape = snap(photo, shape, before, removes)
    write_mask(options, name, before & (1 - shape) if removes else before | shape)


def snap(photo, shape, mask, removes: bool) -> np.ndarray:
    """Returns the polygon with an outline that GrabCut has moved by a few pixels."""
    outer = grow(shape, SNAP_PIXELS)
    band = (outer == 1) & (grow(shape, -SNAP_PIXELS) == 0)
    product = mask & (1 - shape) if removes else mask | shape
    trimap = np.where(product, cv2.GC_FGD, cv2.GC_BGD).astype("uint8")
    trimap[band] = np.where(product[band], cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    near = np.argwhere(grow(outer, NEAR_PIXELS))
    (top, left), (bottom, right) = near.min(axis=0), near.max(axis=0) + 1
    window = (slice(top, bottom), slice(left, right))
    found = product.copy()
    found[window] = grab(photo[window].copy(), trimap[window].copy(), 3)
    result = shape.copy()
    result[band] = 1 - found[band] if removes else found[band]
    return result


def grab(photo, trimap, num_rounds: int) -> np.ndarray:
    """Runs GrabCut; without pixels of both kinds nothing can be learned, and the trimap decides."""
    if (trimap % 2 == 0).any() and (trimap % 2 == 1).any():
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(photo, trimap, None, *models, num_rounds, cv2.GC_INIT_WITH_MASK)
    return (trimap % 2 == 1).astype("uint8")


def grow(mask: np.ndarray, num_pixels: int) -> np.ndarray:
    """Grows a mask, or shrinks it by a negative number; beyond the photo's edge it goes on as at the edge."""
    reach = abs(num_pixels)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    padded = cv2.copyMakeBorder(mask, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    changed = cv2.dilate(padded, kernel) if num_pixels > 0 else cv2.erode(padded, kernel)
    return changed[reach:-reach, reach:-reach]


def keep_large(mask: np.ndarray) -> np.ndarray:
    """Removes specks and closes pinholes."""
    number, labels, facts, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    areas = facts[:, cv2.CC_STAT_AREA]
    if number > 1:
        largest = areas[1:].max()
        kept = [part for part in range(1, number) if areas[part] >= SMALLEST_PART * largest]
        mask = np.isin(labels, kept).astype("uint8")
    number, labels, facts, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    areas = facts[:, cv2.CC_STAT_AREA]
    holes = [part for part in range(1, number) if areas[part] < SMALLEST_HOLE * mask.size]
    return mask | np.isin(labels, holes).astype("uint8")


def view(options, name: str, box) -> np.ndarray:
    """Draws the photo with a grid, and beside it the mask: background in magenta, outline in green."""
    photo = read_photo(options, name)
    mask = read_mask(options, name, photo)
    left, top, right, bottom = box or (0, 0, photo.shape[1], photo.shape[0])
    photo, mask = photo[top:bottom, left:right], mask[top:bottom, left:right]
    scale = min(CELL / photo.shape[1], 1.35 * CELL / photo.shape[0])
    size = (round(photo.shape[1] * scale), round(photo.shape[0] * scale))
    photo = cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC)
    mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    covered = (photo * 0.35 + np.array([200, 0, 200]) * 0.65).astype("uint8")
    masked = np.where(mask[..., None] == 1, photo, covered)
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(masked, contours, -1, (0, 255, 0), 1)
    grid = photo.copy()
    step = 50 if right - left > 250 else 25 if right - left > 120 else 10
    for image in (grid, masked):
        for x in range(-(-left // step) * step, right, step):
            at = round((x - left) * scale)
            image[:, at] = image[:, at] // 2 + 100
            write_number(image, x, (at + 2, 11))
        for y in range(-(-top // step) * step, bottom, step):
            at = round((y - top) * scale)
            image[at] = image[at] // 2 + 100
            write_number(image, y, (1, at + 12))
    pair = np.hstack([grid, np.full((size[1], 8, 3), 255, "uint8"), masked])
    cell = np.full((pair.shape[0] + 16, 2 * CELL + 8, 3), 255, "uint8")
    cell[16:, : pair.shape[1]] = pair
    cv2.putText(cell, name, (2, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1)
    return cell


def write_number(image: np.ndarray, number: int, place: tuple[int, int]) -> None:
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(image, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, width, cv2.LINE_AA)


if __name__ == "__main__":
    main()
