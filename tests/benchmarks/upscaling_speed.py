"""Measures the speed of enlarging photos with ECBSR, FSRCNN and SRCNN 9-5-5, through `upscale`, as served.

    python tests/benchmarks/upscaling_speed.py --width 1280 --height 720 --factor 3

Prints seconds per photo and photos per second, the best of several, and the ratios. Weights are random,
because they do not change the time. Models take turns, so that other load on the machine affects all of them.
SRCNN is measured as the zoo computes it and, in float32, with Keras' own layers alone.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras  # noqa: E402 - after the path is set
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from plain_keras import in_plain_keras  # noqa: E402

from zoo.super_resolution.ecbsr import ECBSR  # noqa: E402
from zoo.super_resolution.fsrcnn import FSRCNN  # noqa: E402
from zoo.super_resolution.srcnn import SRCNN  # noqa: E402

PLAIN = "SRCNN of plain Keras float32"


def make_upscalers(factor: int) -> dict:
    models = {
        f"{name} {dtype}": build(upscale_factor=factor, is_residual=True, dtype=dtype)
        for dtype in ("float32", "mixed_bfloat16")
        for name, build in (
            ("SRCNN 9-5-5", lambda **kwargs: SRCNN(kernels="9-5-5", **kwargs)),
            ("FSRCNN", FSRCNN),
        )
    }
    models |= {
        f"ECBSR {dtype}": ECBSR(upscale_factor=factor, is_merged=True, dtype=dtype)
        for dtype in ("float32", "mixed_bfloat16")
    }
    models[PLAIN] = SRCNN(kernels="9-5-5", upscale_factor=factor, is_residual=True, dtype="float32")
    models[PLAIN].network = in_plain_keras(models[PLAIN].network)
    spec = tf.TensorSpec([None, None, None, 3], "uint8")
    return {name: tf.function(model.upscale, input_signature=[spec]) for name, model in models.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--factor", type=int, default=3, choices=(2, 3, 4))
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    shape = (1, options.height, options.width, 3)
    raw_images = tf.constant(np.random.default_rng(0).integers(0, 256, shape, dtype="uint8"))
    upscalers = make_upscalers(options.factor)
    for upscale in upscalers.values():
        upscale(raw_images[:, :32, :32])  # traces and compiles
    seconds = {name: [] for name in upscalers}
    for _ in range(options.repeats):
        for name, upscale in upscalers.items():
            start = time.perf_counter()
            upscale(raw_images)
            seconds[name].append(time.perf_counter() - start)
    print(f"{options.width} x {options.height} x{options.factor}, {os.cpu_count()} processors")
    for name, measured in seconds.items():
        best = min(measured)
        print(f"{name:28s} {best:8.3f} s a picture {1 / best:8.2f} pictures/s  (worst {max(measured):.3f} s)")
    for dtype in ("float32", "mixed_bfloat16"):
        ratio = min(seconds[f"SRCNN 9-5-5 {dtype}"]) / min(seconds[f"FSRCNN {dtype}"])
        print(f"FSRCNN is {ratio:.1f} times as fast in {dtype}.")
    ratio = min(seconds[PLAIN]) / min(seconds["FSRCNN float32"])
    print(f"FSRCNN is {ratio:.1f} times as fast as SRCNN of plain Keras in float32.")


if __name__ == "__main__":
    main()
