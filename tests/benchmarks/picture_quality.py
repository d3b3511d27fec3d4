"""What `val_kernel_distance` costs a training of the recipe's DCGAN on Fashion-MNIST, and how much it says.

    python tests/benchmarks/picture_quality.py --epochs 6

Cost: the time that the measurement takes at the end of each epoch, as a share of the rest of the epoch, in
the same training, so that what else the machine does falls on both. It is printed for every epoch; the first
one also traces.

Agreement: twice in an epoch, Frechet and kernel distance of 250, 500 and 1,000 generated pictures to as many
validation pictures, beside those of 5,000 generated pictures, of other latents, to 5,000 test pictures. A
measure for choosing epochs must order them as the large sample does (rank correlation) and should have its
value (the median ratio). The time that this takes is not counted.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras  # noqa: E402 - after the path is set
import numpy as np  # noqa: E402
from scipy.stats import spearmanr  # noqa: E402

from training.callbacks import picture_quality  # noqa: E402
from training.evaluation.feature_extractor import extractor_of  # noqa: E402
from training.evaluation.measures.frechet_distance import frechet_distance  # noqa: E402
from training.evaluation.measures.kernel_distance import squared_mmd  # noqa: E402
from training.input.labelled_pictures import generate_pictures, read_pictures  # noqa: E402
from training.loop.new_config import make_config  # noqa: E402
from training.loop.trainer import start_training  # noqa: E402
from training.trained_model import load_run_or_preset  # noqa: E402

JUDGE = "classifier_fashion_mnist"
SAMPLE_SIZES, LARGE_SAMPLE = (250, 500, 1000), 5000
# 430 of 860 steps, rounded to executions.
STEPS_BETWEEN = 420
MEASURES = {"frechet": frechet_distance, "kernel": squared_mmd}


class Agreement(keras.callbacks.Callback):
    """Measures on small samples and on a large one.

    Attributes:
        rows: By the number of steps, the distances of each sample.
        seconds: What it took in the epoch that runs.
    """

    def __init__(self, data_set):
        super().__init__()
        self.rows, self.seconds = {}, 0.0
        self._num_steps = self._next = 0
        self._extractor = extractor_of(load_run_or_preset(JUDGE), JUDGE)
        self._small = read_pictures(data_set, "validation", 28, 1, max(SAMPLE_SIZES), seed=0)
        self._large = read_pictures(data_set, "test", 28, 1, LARGE_SAMPLE, seed=0)
        self._real = [self._extractor.extract(part.raw_images) for part in (self._small, self._large)]

    def on_epoch_begin(self, epoch, logs=None):
        self.seconds, self._first_step = 0.0, self._num_steps

    def on_train_batch_end(self, batch, logs=None):
        self._num_steps = self._first_step + batch + 1
        if self._num_steps >= self._next:
            self._next = self._num_steps + STEPS_BETWEEN
            start = time.perf_counter()
            self.rows[self._num_steps] = self._measure()
            self.seconds += time.perf_counter() - start

    def _measure(self) -> dict:
        small, large = (
            self._extractor.extract(generate_pictures(self.model, part, len(part), seed).raw_images)
            for seed, part in enumerate((self._small, self._large))
        )
        found = {}
        for name, measure in MEASURES.items():
            for size in SAMPLE_SIZES:
                found[name, size] = measure(small[:size], self._real[0][:size])
            found[name, LARGE_SAMPLE] = measure(large, self._real[1])
        return found


class Cost(keras.callbacks.Callback):
    """Prints what the measurement of each epoch cost; last of the callbacks.

    Args:
        agreement: Its time is not counted; None where there is none.
    """

    def __init__(self, agreement: Agreement | None):
        super().__init__()
        self.measured_seconds = 0.0
        self._agreement = agreement

    def timed(self, measure):
        """Returns the measurement of a model, timed."""

        def measure_timed(*arguments):
            start = time.perf_counter()
            value = measure(*arguments)
            self.measured_seconds = time.perf_counter() - start
            return value

        return measure_timed

    def on_epoch_begin(self, epoch, logs=None):
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        whole = time.perf_counter() - self._start - (self._agreement.seconds if self._agreement else 0.0)
        rest = whole - self.measured_seconds
        print(
            f"epoch {epoch + 1}: {self.measured_seconds:.2f} s beside {rest:.1f} s, "
            f"{100 * self.measured_seconds / rest:.2f} %",
            flush=True,
        )


def print_agreement(rows: dict) -> None:
    """Prints how the small samples of each measure order the points, and what their values are."""
    print(f"\n{len(rows)} points from step {min(rows)} to {max(rows)}; the second half in brackets\n")
    print("| distance | pictures | rank correlation | ratio to the large sample |\n|---|---|---|---|")
    found = list(rows.values())
    for name in MEASURES:
        large = np.array([row[name, LARGE_SAMPLE] for row in found])
        for size in SAMPLE_SIZES:
            small = np.array([row[name, size] for row in found])
            late = slice(len(found) // 2, None)
            ranks = (spearmanr(small, large)[0], spearmanr(small[late], large[late])[0])
            ratios = (np.median(small / large), np.median((small / large)[late]))
            print(
                f"| {name} | {size:,} | {ranks[0]:.3f} ({ranks[1]:.3f}) | {ratios[0]:.2f} ({ratios[1]:.2f}) |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--cost-only", action="store_true", help="leave the agreement out")
    parser.add_argument("--data-dir", default=None)
    options = parser.parse_args()

    given = {"epochs": options.epochs, "data_dir": options.data_dir}
    given = {name: value for name, value in given.items() if value is not None}
    config, data_set = make_config("dcgan", None, given)
    agreement = None if options.cost_only else Agreement(data_set)
    cost = Cost(agreement)
    distance = picture_quality.DistanceToReal
    distance.measure = cost.timed(distance.measure)
    callbacks = [agreement, cost] if agreement else [cost]
    with tempfile.TemporaryDirectory() as runs_dir:
        start_training(config, Path(runs_dir), callbacks=callbacks, data_set=data_set)
    if agreement:
        print_agreement(agreement.rows)


if __name__ == "__main__":
    main()
