"""Prints how many pictures a second the input pipeline delivers.

Run it as `python tests/benchmarks/input_pipeline.py`.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parents[2]))

from training import data_sets, pipeline  # noqa: E402 - after the path is set


def measure(name: str, make_batches, batch_size: int, seconds: float) -> None:
    """Prints one row: seconds until the first batch, then pictures a second for some seconds."""
    start = time.perf_counter()
    batches = iter(make_batches())
    next(batches)
    first = time.perf_counter()
    num_batches = 0
    while time.perf_counter() - first < seconds:
        next(batches)
        num_batches += 1
    rate = num_batches * batch_size / (time.perf_counter() - first)
    print(f"{name:34} {first - start:8.1f} s to the first batch {rate:12,.0f} pictures/s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="fashion_mnist")
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--split", default="train")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=3.0, help="measured for each row")
    arguments = parser.parse_args()

    start = time.perf_counter()
    data_set = data_sets.load_data_set(arguments.dataset, arguments.data_dir)
    print(f"{data_set.source}\nOpened (prepared if need be) in {time.perf_counter() - start:.1f} s")
    endless = {"batch_size": arguments.batch_size, "shuffle": True, "repeat": True}

    def image_batches(image_size, channels, **options):
        return lambda: pipeline.make_image_batches(
            data_set, arguments.split, image_size=image_size, channels=channels, **endless, **options
        )

    def patch_batches(upscale_factor, patch_size):
        return lambda: pipeline.make_super_resolution_batches(
            data_set, arguments.split, upscale_factor=upscale_factor, patch_size=patch_size, **endless
        )

    rows = {
        "28x28 grey": image_batches(28, 1),
        "28x28 grey, read every epoch": image_batches(28, 1, max_cache_bytes=0),
        "28x28 grey, resumed at step 10,000": image_batches(28, 1, first_step=10_000),
        "32x32 RGB": image_batches(32, 3),
        "patches of 18x18, factor 3": patch_batches(3, 18),
    }
    for name, make_batches in rows.items():
        measure(name, make_batches, arguments.batch_size, arguments.seconds)


if __name__ == "__main__":
    main()
