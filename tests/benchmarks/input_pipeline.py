"""Measures the images per second that the input pipeline delivers.

Run it as `python tests/benchmarks/input_pipeline.py`, with `--dataset` for a data set that was built with
`--size 64`. The aim at 64 pixels is 8,000 images/s from a cache and 1,500 images/s without one.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parents[2]))

from training.data import data_sets
from training.input import (
    pipeline,
    super_resolution_pipeline,  # noqa: E402 - after the path is set
)

AUGMENT = ("flip", "crop", "colour")


def measure(name: str, make_batches, batch_size: int, seconds: float) -> None:
    """Prints one row: seconds until the first batch, then images per second, measured for `seconds`."""
    start = time.perf_counter()
    batches = iter(make_batches())
    next(batches)
    first = time.perf_counter()
    num_batches = 0
    while time.perf_counter() - first < seconds:
        next(batches)
        num_batches += 1
    rate = num_batches * batch_size / (time.perf_counter() - first)
    print(f"{name:44} {first - start:8.1f} s to the first batch {rate:12,.0f} pictures/s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="rendered_catalog")
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--split", default="train")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--augment", nargs="*", default=[], help="also measured one by one")
    parser.add_argument("--seconds", type=float, default=3.0, help="measured for each row")
    arguments = parser.parse_args()

    start = time.perf_counter()
    data_set = data_sets.load_data_set(arguments.dataset, arguments.data_dir)
    print(f"Load: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"{data_set.source}\nOpened (prepared if need be) in {time.perf_counter() - start:.1f} s")
    endless = {"batch_size": arguments.batch_size, "shuffle": True, "repeat": True}

    def image_batches(**options):
        return lambda: pipeline.make_image_batches(
            data_set,
            arguments.split,
            image_size=arguments.image_size,
            channels=data_set.image_shape[2],
            **endless,
            **options,
        )

    def patch_batches(**options):
        return lambda: super_resolution_pipeline.make_super_resolution_batches(
            data_set, arguments.split, upscale_factor=3, patch_size=33, **endless, **options
        )

    size = f"{arguments.image_size} px"
    rows = {}
    for cache in ("memory", "disk", "none"):
        for augment in ((), *([name] for name in arguments.augment if cache == "memory"), AUGMENT):
            name = f"{size}, cache {cache}, {'+'.join(augment) or 'not augmented'}"
            rows[name] = image_batches(cache=cache, augment=augment)
    rows[f"{size}, memory, resumed at step 10,000"] = image_batches(cache="memory", first_step=10_000)
    rows["patches of 33 px, factor 3, memory"] = patch_batches(cache="memory")
    rows["patches of 33 px, factor 3, disk"] = patch_batches(cache="disk")
    rows["the same, flip+colour, jpeg+blur"] = patch_batches(
        cache="memory", augment=["flip", "colour"], degrade=["jpeg", "blur"]
    )
    for name, make_batches in rows.items():
        measure(name, make_batches, arguments.batch_size, arguments.seconds)


if __name__ == "__main__":
    main()
