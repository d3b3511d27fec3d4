"""Measures PSNR and SSIM of bicubic interpolation and of runs on Set5 and Set14, by the papers' protocol.

Run it as `ZOO_BENCH_DATA=FOLDER python tests/benchmarks/super_resolution.py runs/srcnn_x2 runs/srcnn_x3`; the
folder holds `super_resolution/Set5` and `super_resolution/Set14`. Without runs it prints the bicubic rows.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np  # noqa: E402 - after the path is set

from training.evaluation.enlargements import read_folder, score_picture  # noqa: E402
from training.trained_model import load_run_or_preset  # noqa: E402
from zoo.pictures import pixels  # noqa: E402
from zoo.pictures.resize import bicubic  # noqa: E402

SETS = ("Set5", "Set14")
UPSCALE_FACTORS = (2, 3, 4)
BICUBIC = "bicubic"


class Interpolation:
    """Bicubic interpolation with a super-resolution model's interface."""

    def __init__(self, upscale_factor: int):
        self.upscale_factor = upscale_factor

    def __call__(self, raw_images):
        height, width = (side * self.upscale_factor for side in raw_images.shape[1:3])
        return bicubic(raw_images, height, width)

    def upscale(self, raw_images):
        return pixels.round_to_uint8(self(raw_images))


def measure(model, pictures) -> list[float]:
    """Returns mean PSNR in dB, mean gain over bicubic interpolation in dB, and mean SSIM."""
    rows = []
    for raw_image in pictures:
        scored = score_picture(model, raw_image)
        gain = scored.model["psnr"] - scored.bicubic["psnr"]
        rows.append([scored.model["psnr"], gain, scored.model["ssim"]])
    return np.mean(rows, axis=0).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="*", help="runs or presets of super-resolution models")
    arguments = parser.parse_args()
    folder = os.environ.get("ZOO_BENCH_DATA")
    if not folder:
        print("Skipped. Set ZOO_BENCH_DATA to the folder that holds super_resolution/Set5.")
        return
    models = [(BICUBIC, Interpolation(factor)) for factor in UPSCALE_FACTORS]
    models += [(run, load_run_or_preset(run).model) for run in arguments.runs]
    models.sort(key=lambda named: named[1].upscale_factor)
    sets = {name: read_folder(Path(folder) / "super_resolution" / name) for name in SETS}
    print("| factor | model | " + " | ".join(f"{name} PSNR | gain | SSIM" for name in SETS) + " |")
    print("|---" * (2 + 3 * len(SETS)) + "|")
    for name, model in models:
        cells = []
        for pictures in sets.values():
            decibels, gain, similarity = measure(model, pictures.values())
            cells.append(f"{decibels:.2f} | {gain:+.2f} | {similarity:.4f}")
        print(f"| x{model.upscale_factor} | {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
