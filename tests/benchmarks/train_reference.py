"""Trains a reference generator on Fashion-MNIST and saves its samples, which `generation.py` scores.

`python tests/benchmarks/train_reference.py infogan --num-images 1000000 --output infogan.npy`

The samples are one uint8 array `[N, 28, 28, 1]`; sample i of a conditional reference has category `i % 10`.
For the reference VAE it also prints the PSNR of the reconstructed test images.
"""

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
for folder in (Path(__file__).parents[2], Path(__file__).parent):
    sys.path.insert(0, str(folder))

import keras  # noqa: E402 - after the path is set
import numpy as np  # noqa: E402
from conditional_gan_reference import ConditionalGANReference  # noqa: E402
from infogan_reference import InfoGANReference  # noqa: E402
from vae_reference import VAEReference  # noqa: E402

from training.data.data_sets import load_data_set  # noqa: E402
from training.input.pipeline import make_image_batches  # noqa: E402
from training.loop.precision import resolve_precision  # noqa: E402
from zoo.pictures.psnr import psnr  # noqa: E402

REFERENCES = {
    "infogan": InfoGANReference,
    "conditional_gan": ConditionalGANReference,
    "vae": VAEReference,
}
STEPS_PER_EXECUTION = 10
NUM_REPORTS = 20


def train(model, data_set, num_images: int, seed: int) -> tuple[int, float]:
    """Trains on at least `num_images` images, repeats included; returns their number and the seconds."""
    batches = make_image_batches(
        data_set,
        "train",
        image_size=28,
        channels=1,
        batch_size=model.batch_size,
        shuffle=True,
        repeat=True,
        seed=seed,
    )
    model.compile(optimizer=None, jit_compile=False, steps_per_execution=STEPS_PER_EXECUTION)
    num_executions = -(-num_images // (model.batch_size * STEPS_PER_EXECUTION))
    # Whole executions, because Keras would run all steps of the last one and count only some.
    steps_per_report = -(-num_executions // NUM_REPORTS) * STEPS_PER_EXECUTION
    num_steps = NUM_REPORTS * steps_per_report
    start = time.perf_counter()

    def report(epoch, logs):
        done = (epoch + 1) * steps_per_report
        losses = ", ".join(f"{name} {float(value):.4g}" for name, value in logs.items())
        print(f"step {done:,} of {num_steps:,}, {time.perf_counter() - start:.0f} s: {losses}", flush=True)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`shuffle=True` was passed")
        model.fit(
            batches,
            epochs=NUM_REPORTS,
            steps_per_epoch=steps_per_report,
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=report)],
        )
    return num_steps * model.batch_size, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("reference", choices=REFERENCES)
    parser.add_argument("--num-images", type=int, default=1_000_000, help="training pictures seen")
    parser.add_argument("--num-samples", type=int, default=10_000)
    parser.add_argument("--learning-rate", type=float, help="that of the recipe by default")
    parser.add_argument("--precision", default="auto", help="float32, mixed_bfloat16 or auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True, help="file of the samples, .npy")
    arguments = parser.parse_args()

    keras.utils.set_random_seed(arguments.seed)
    precision, _ = resolve_precision(arguments.precision)
    options = {"learning_rate": arguments.learning_rate} if arguments.learning_rate else {}
    model = REFERENCES[arguments.reference](seed=arguments.seed, dtype=precision, **options)
    data_set = load_data_set("fashion_mnist")
    num_images, seconds = train(model, data_set, arguments.num_images, arguments.seed)
    np.save(arguments.output, model.sample(arguments.num_samples, arguments.seed + 1))
    if arguments.reference == "vae":
        batches = make_image_batches(data_set, "test", image_size=28, channels=1, batch_size=500)
        decibels = np.concatenate([psnr(images, model.reconstruct(images)) for images, _ in batches])
        print(f"Reconstruction of the test pictures: {decibels.mean():.2f} dB")
    rate = num_images / seconds
    print(
        f"{arguments.reference}: {num_images:,} pictures in {seconds / 60:.1f} minutes, "
        f"{rate:.0f} pictures/s, {precision}"
    )


if __name__ == "__main__":
    main()
