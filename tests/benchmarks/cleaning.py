"""Measures cleaning on held-out photos: gain over JPEG, harm, enlarging after it, speed; a sheet to look at.

    python tests/benchmarks/cleaning.py gains|estimates|enlarging|speed|sheet --photos DIR [--table FILE]

Photos are halved first, which leaves nothing of their own compression; `sheet` shows them as they are. With a
table, only the rows of a split are used: those on which nothing was trained.
"""

import argparse
import functools
import io
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import held_out_photos  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from PIL import Image  # noqa: E402

from training.evaluation.cleanings import compress, score_cleanings  # noqa: E402
from training.evaluation.measures.bootstrap import mean_interval  # noqa: E402
from training.trained_model import load_run_or_preset  # noqa: E402
from zoo.pictures import pixels  # noqa: E402
from zoo.pictures.psnr import psnr  # noqa: E402
from zoo.pictures.resize import bicubic  # noqa: E402

QUALITIES = (10, 20, 30, 40)
FACTOR = 2
SHOWN_SIDE = 240
NUM_SHOWN = 10


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("gains", "estimates", "enlarging", "speed", "sheet"))
    held_out_photos.add_arguments(parser, count=100)
    parser.add_argument("--cleaner", default="clean_photos", help="run or preset")
    enlargers = ["fsrcnn_x2", "ecbsr_x2", "ecbsr_x2_jpeg"]
    parser.add_argument("--enlargers", nargs="*", default=enlargers, help="runs or presets")
    parser.add_argument(
        "--qualities", nargs="*", type=int, default=[60], help="of the photos to enlarge; 0: not compressed"
    )
    parser.add_argument("--output", type=Path, default=Path("cleaned.png"))
    arguments = parser.parse_args()
    paths = held_out_photos.draw_paths(arguments)
    cleaner = load_run_or_preset(arguments.cleaner).model
    if arguments.part == "gains":
        findings = score_cleanings(cleaner, map(read_halved, paths), QUALITIES)
        for name, score in findings.scores.items():
            baseline = f", JPEG {score.baseline.value:.3f}" if score.baseline else ""
            interval = "" if score.interval is None else " ({:.3f} to {:.3f})".format(*score.interval)
            print(f"{name}: {score.value:.3f}{interval} {score.unit}{baseline}")
    elif arguments.part == "estimates":
        print_estimates(cleaner, map(read_halved, paths))
    elif arguments.part == "enlarging":
        images = [read_halved(path) for path in paths]
        for quality in arguments.qualities:
            print(f"compressed at quality {quality}" if quality else "not compressed")
            measure_enlarging(cleaner, arguments.enlargers, images, quality)
    elif arguments.part == "speed":
        measure_speed(cleaner)
    else:
        make_sheet(cleaner, paths[:NUM_SHOWN], arguments.output)


def read_halved(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        width, height = (side // 2 for side in picture.size)
        halved = picture.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(halved)


def print_estimates(cleaner, images):
    """Prints what share of photos is changed at all, and in full, by kind of damage."""
    random = np.random.default_rng(0)
    damages = {"none": lambda image: image}
    damages |= {f"JPEG, quality {q}": functools.partial(compress, quality=q) for q in (95, 90, 80, 60)}
    for deviation in (3, 5, 10):
        damages[f"noise, deviation {deviation}"] = functools.partial(add_noise, random, deviation)
    shares = {name: [] for name in damages}
    for image in images:
        for name, damage in damages.items():
            _, share = cleaner.judge_photo(tf.convert_to_tensor(damage(image)))
            shares[name].append(float(share))
    for name, values in shares.items():
        changed, in_full = (np.mean(np.array(values) >= least) for least in (1e-6, 1.0))
        print(f"{name}: {100 * changed:.0f} % changed, {100 * in_full:.0f} % in full")


def add_noise(random, deviation, image: np.ndarray) -> np.ndarray:
    noisy = image + random.normal(scale=deviation, size=image.shape)
    return np.clip(np.round(noisy), 0, 255).astype("uint8")


def measure_enlarging(cleaner, enlargers, images, quality):
    """Prints the PSNR of photos that are shrunk, compressed and enlarged again, with and without cleaning."""
    models = {name: load_run_or_preset(name).model for name in enlargers}
    found = {f"{how}{name}": [] for name in models for how in ("", "cleaned, ")}
    for image in images:
        height, width = (side - side % (2 * FACTOR) for side in image.shape[:2])
        high_res = image[:height, :width]
        small = pixels.round_to_uint8(bicubic(high_res[None], height // FACTOR, width // FACTOR)).numpy()[0]
        damaged = compress(small, quality) if quality else small
        cleaned = cleaner.clean(damaged[None]).numpy()[0]
        for name, model in models.items():
            for how, given in (("", damaged), ("cleaned, ", cleaned)):
                enlarged = model.upscale(given[None])
                lumas = (
                    pixels.round_to_uint8(pixels.to_luma(values)) for values in (high_res[None], enlarged)
                )
                found[f"{how}{name}"].append(float(psnr(*lumas, border=FACTOR)[0]))
    baseline = np.array(found[next(iter(models))])
    for name, values in found.items():
        gains = np.array(values) - baseline
        interval = " to ".join(f"{limit:.2f}" for limit in mean_interval(list(gains)) or ())
        print(f"{name}: {np.mean(values):.2f} dB, gain {gains.mean():.2f} ({interval})")


def measure_speed(cleaner):
    """Prints the seconds per megapixel of cleaning, best of five, estimate included and excluded."""
    photo = np.random.default_rng(0).integers(0, 256, (1, 1000, 1000, 3), dtype="uint8")
    clean = tf.function(cleaner.clean_and_judge)
    for name, strength in (("estimated", -1.0), ("given", 0.5)):
        times = []
        for _ in range(6):
            begin = time.perf_counter()
            clean(photo, tf.constant([strength]))[0].numpy()
            times.append(time.perf_counter() - begin)
        print(f"strength {name}: {min(times[1:]):.3f} s a megapixel")


def make_sheet(cleaner, paths, output):
    """Writes the middles of photos before and after at 100 %: as they are, and compressed at quality 20."""
    rows = []
    for path in paths:
        photo = held_out_photos.read(path)
        cells = []
        for given in (photo, compress(photo, 20)):
            cleaned, damage = cleaner.clean_and_judge(given[None], tf.constant([-1.0]))
            print(f"{path.name}: damage {float(damage[0]):.2f}")
            cells += [middle(given), middle(cleaned.numpy()[0])]
        rows.append(np.concatenate(cells, axis=1))
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(rows)).save(buffer, output.suffix[1:].replace("jpg", "jpeg"))
    output.write_bytes(buffer.getvalue())


def middle(image: np.ndarray) -> np.ndarray:
    top, left = ((side - SHOWN_SIDE) // 2 for side in image.shape[:2])
    return image[top : top + SHOWN_SIDE, left : left + SHOWN_SIDE]


if __name__ == "__main__":
    main()
