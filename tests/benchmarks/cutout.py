"""Scores masks and recoloured photos on 136 photos with masks drawn by hand, and measures speed.

    python tests/benchmarks/cutout.py --photos DIR [--model cutout_products] [--u2netp u2netp.onnx]
    [--recolour]

DIR holds the photos of `tests/benchmarks/cutout_masks/difficulties.csv`: the validation split of
clothing-dataset-small (CC0 1.0) at its own size. No preset has seen them: presets learn from its training
split. Masks were proposed by GrabCut, corrected with polygons (`draw_masks.py`) and looked at one by one.

Prints the mean of each measure for all photos and for those with each difficulty, of the model, of the rule
of colour and position that the catalogue's colours use, and, if its file is named, of U2-Net-p by
onnxruntime. With `--recolour`, also the scores of recolouring to five colours with the model's own masks.

Sources:
    [U2Net] Qin et al. 2020, arXiv 2005.09007; `u2netp.onnx` comes with several packages. Only for comparison.
"""

import argparse
import csv
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np  # noqa: E402 - after the path is set
import tensorflow as tf  # noqa: E402
from PIL import Image  # noqa: E402

from training.evaluation.masks import mask_by_rule  # noqa: E402
from training.evaluation.measures.mask_scores import MEASURES  # noqa: E402
from training.evaluation.measures.recolour_scores import score_recolouring  # noqa: E402
from training.trained_model import load_run_or_preset  # noqa: E402
from zoo.colour.basic_colours import COLOURS  # noqa: E402
from zoo.cutout.cutout import ProductMask  # noqa: E402
from zoo.recolour.recolour import recolour_masked  # noqa: E402

MASKS = Path(__file__).parent / "cutout_masks"
TARGETS = ("red", "blue", "yellow", "white", "black")
SPEED_SIDE, SPEED_REPEATS = 2000, 5
U2NET_SIDE = 320
U2NET_MEAN, U2NET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def read_difficulties() -> dict[str, list[str]]:
    with open(MASKS / "difficulties.csv", encoding="utf-8") as file:
        return {row["photo"]: row["difficulties"].split() for row in csv.DictReader(file)}


def make_u2netp(path: Path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (name,) = (entry.name for entry in session.get_inputs())

    def find(photo: np.ndarray) -> np.ndarray:
        small = Image.fromarray(photo).resize((U2NET_SIDE, U2NET_SIDE), Image.Resampling.LANCZOS)
        image = np.asarray(small) / max(np.max(small), 1)
        image = ((image - U2NET_MEAN) / U2NET_DEVIATION).transpose(2, 0, 1)[np.newaxis].astype("float32")
        mask = session.run(None, {name: image})[0][0, 0]
        mask = (mask - mask.min()) / max(float(mask.max() - mask.min()), 1e-6)
        mask = Image.fromarray(np.round(255 * mask).astype("uint8"))
        return np.asarray(mask.resize(photo.shape[1::-1], Image.Resampling.LANCZOS))

    return find


def print_table(title: str, names, scores: dict[str, list[float]], difficulties) -> None:
    print(f"\n{title}\n| photos | number | {' | '.join(names)} |\n{'|---' * (len(names) + 2)}|")
    kinds = sorted({kind for kinds in difficulties.values() for kind in kinds})
    for kind in ("all", *kinds):
        rows = [scores[photo] for photo in scores if kind == "all" or kind in difficulties[photo]]
        values = " | ".join(f"{value:.4f}" for value in np.mean(rows, axis=0))
        print(f"| {kind} | {len(rows)} | {values} |")


def seconds_of(function) -> float:
    function()
    times = []
    for _ in range(SPEED_REPEATS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def measure_speed(model, u2netp) -> None:
    # A photo's structure, because noise would make every pixel an edge.
    line = np.linspace(0, 1, SPEED_SIDE)
    photo = np.full([SPEED_SIDE, SPEED_SIDE, 3], 230, "uint8")
    photo[500:1500, 400:1600] = (200 * line[500:1500, None, None] * np.array([1.0, 0.3, 0.2])).astype("uint8")
    image = tf.constant(photo)
    cut_out = tf.function(model.cut_out)
    small = tf.zeros([1, model.image_size, model.image_size, 3], "uint8")
    network = tf.function(lambda images: model(images))
    print(f"\nnetwork alone: {1000 * seconds_of(lambda: network(small)):.0f} ms")
    print(f"cut-out of 4 megapixels: {seconds_of(lambda: cut_out(image)):.2f} s")
    if u2netp:
        print(f"U2-Net-p, mask of 4 megapixels: {seconds_of(lambda: u2netp(photo)):.2f} s")


def measure_recolouring(find, photos, truths, difficulties) -> None:
    recolour = tf.function(recolour_masked, reduce_retracing=True)
    for kind, targets in (("chromatic", TARGETS[:3]), ("white and black", TARGETS[3:])):
        scores, names = {}, ()
        for name, photo in photos.items():
            mask = ProductMask.given(find(photo))
            rows = []
            for target in targets:
                result = recolour(
                    tf.constant(photo),
                    mask,
                    tf.constant(COLOURS[target], "uint8"),
                    tf.zeros([3], "uint8"),
                    tf.constant(False),
                    tf.constant(1.0),
                )
                measured = score_recolouring(photo, result.raw_image.numpy(), truths[name], COLOURS[target])
                names = tuple(measured)
                rows.append(list(measured.values()))
            scores[name] = np.nanmean(rows, axis=0)
        print_table(f"Recoloured, {kind} targets", names, scores, difficulties)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--model", default="cutout_products", help="run or preset of a cutout or recolour")
    parser.add_argument("--u2netp", type=Path)
    parser.add_argument("--recolour", action="store_true")
    options = parser.parse_args()
    difficulties = read_difficulties()
    photos = {name: np.asarray(Image.open(options.photos / name).convert("RGB")) for name in difficulties}
    truths = {
        name: np.asarray(Image.open(MASKS / f"{Path(name).stem}.png").convert("L")) for name in difficulties
    }
    model = load_run_or_preset(options.model).model
    find_masks = tf.function(model.find_masks, reduce_retracing=True)

    def find_opacity(photo):
        return find_masks(photo[np.newaxis])[0]

    u2netp = make_u2netp(options.u2netp) if options.u2netp else None
    finders = {
        options.model: lambda photo: np.round(255 * find_opacity(photo).numpy()[..., 0]).astype("uint8"),
        "colour and position": mask_by_rule,
        **({"U2-Net-p": u2netp} if u2netp else {}),
    }
    for title, find in finders.items():
        scores = {}
        for name, photo in photos.items():
            found = find(photo)
            scores[name] = [measure(found, truths[name]) for measure, _ in MEASURES.values()]
        print_table(title, tuple(MEASURES), scores, difficulties)
    measure_speed(model, u2netp)
    if options.recolour:
        measure_recolouring(find_opacity, photos, truths, difficulties)


if __name__ == "__main__":
    main()
