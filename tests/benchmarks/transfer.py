"""Measures the benefit of a preset to a shop with 300 photos.

Run it as `ZOO_BENCH_DATA=FOLDER python tests/benchmarks/transfer.py`; the folder holds `clothing/`, photos of
products. Trains FSRCNN on 300 of them from random weights and from the preset, with the same settings, and
compares both on 100 other photos with bicubic interpolation and with the unchanged preset.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

NUM_PHOTOS, NUM_TEST_PHOTOS = 300, 100
PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png"}


def run_zoo(*arguments: str, home: Path) -> None:
    """Runs `zoo` with its own data home and shows its output if it fails."""
    environment = {**os.environ, "ZOO_HOME": str(home), "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, "-m", "zoo", *arguments]
    print(f"$ zoo {' '.join(arguments)}", file=sys.stderr, flush=True)
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)


def copy_photos(source: Path, folders: dict[Path, int], seed: int) -> None:
    """Copies randomly drawn photos to folders, each photo to at most one."""
    photos = sorted(file for file in source.rglob("*") if file.suffix.lower() in PHOTO_SUFFIXES)
    if len(photos) < sum(folders.values()):
        sys.exit(f"{sum(folders.values())} photos are needed. Found {len(photos)} in {source}.")
    drawn = iter(np.random.default_rng(seed).permutation(len(photos)))
    for folder, count in folders.items():
        folder.mkdir()
        for _ in range(count):
            photo = photos[next(drawn)]
            shutil.copy(photo, folder / photo.name)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="fsrcnn_x2")
    parser.add_argument("--factor", default="2", help="the preset's")
    parser.add_argument("--epochs", nargs="*", default=["1", "4"], help="each is tried")
    parser.add_argument("--learning-rate", default="1e-3")
    parser.add_argument("--seed", type=int, default=0, help="which photos are drawn")
    parser.add_argument("--directory", type=Path, help="where the runs stay; they are deleted by default")
    arguments = parser.parse_args()
    photos = os.environ.get("ZOO_BENCH_DATA")
    if not photos:
        print("Skipped. Set ZOO_BENCH_DATA to the folder that holds clothing/.")
        return
    with contextlib.ExitStack() as stack:
        directory = arguments.directory or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        directory.mkdir(parents=True, exist_ok=True)
        shop, others = directory / "shop", directory / "others"
        copy_photos(Path(photos) / "clothing", {shop: NUM_PHOTOS, others: NUM_TEST_PHOTOS}, arguments.seed)
        run_zoo("data", "build", "shop", "--images", str(shop), "--test", "0.01", home=directory)

        def evaluate(source: str) -> dict:
            output = directory / "evaluations" / Path(source).name
            run_zoo("evaluate", source, "--images", str(others), "--output", str(output), home=directory)
            return json.loads((output / "evaluation.json").read_text())["scores"]["psnr"]

        untouched = evaluate(arguments.preset)
        print("| | epochs | PSNR on luma |\n|---|---|---|")
        print(f"| bicubic | | {untouched['baseline']['value']:.2f} dB |")
        print(f"| {arguments.preset} as it is | | {untouched['value']:.2f} dB |", flush=True)
        for epochs in arguments.epochs:
            settings = ["--dataset", "shop", "--epochs", epochs, "--factor", arguments.factor, "--residual"]
            settings += ["--image-size", "48", "--batch-size", "16", "--patches-per-image", "32"]
            settings += ["--learning-rate", arguments.learning_rate, "--schedule", "cosine"]
            settings += ["--augment", "flip", "--runs-dir", str(directory)]
            starts = {"nothing": [], arguments.preset: ["--init-from", arguments.preset]}
            for start, flags in starts.items():
                name = f"from_{start}_{epochs}"
                run_zoo("train", "fsrcnn", *settings, *flags, "--run-name", name, home=directory)
                score = evaluate(str(directory / name))
                print(f"| from {start} | {epochs} | {score['value']:.2f} dB |", flush=True)


if __name__ == "__main__":
    main()
