"""Tests whether mixed precision changes scores by more than the seed does.

    python tests/benchmarks/precision_scores.py --output precision_scores

Trains each model on the same data under float32 and under each of `--precisions`, with the same seeds; a seed
determines the initial weights, the order of the images and all random draws. The scores are those of the
validation images after the last epoch, computed under the training's precision: PSNR in dB (`val_psnr`), the
training loss (`val_loss`), and the accuracy (`val_category_accuracy`).

Prints the mean over seeds, the standard deviation over seeds, the mean's difference to float32's, and this
difference in units of the noise, which is the pooled standard deviation: the root of the mean of both
variances over seeds. Without any real difference, two means of N seeds differ by about sqrt(2 / N) of it.

Uses the recipes' settings, except those that keep the trainings short: one epoch, patches of 32 pixels, and
few categories of Fashion-MNIST, which are hard to tell apart so that the accuracy is informative. SRCNN is
residual, because otherwise one epoch ends far below bicubic interpolation. Runs are kept under `--output`:
finished runs are not trained again, and stopped runs resume.
"""

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras  # noqa: E402 - after the path is set
import numpy as np  # noqa: E402

from training.loop.new_config import make_config  # noqa: E402
from training.loop.precision import resolve_precision  # noqa: E402
from training.loop.resume import resume_training
from training.loop.trainer import start_training  # noqa: E402
from training.runs import run_directory  # noqa: E402
from training.runs.config import TrainingConfig  # noqa: E402
from training.runs.metrics_log import read_metrics  # noqa: E402

SCORES = {
    "srcnn": ("val_psnr",),
    "conditional_vae": ("val_psnr", "val_loss"),
    "classifier": ("val_category_accuracy",),
}
REFERENCE = "float32"
CATEGORIES = "pullover,coat,shirt"


@dataclasses.dataclass(frozen=True)
class Row:
    """One score of one model under one precision.

    Args:
        model: Name of the model.
        score: Name of the score.
        precision: Dtype policy of the training.
        values: The score of each seed.
        mean: Mean over seeds.
        deviation: Standard deviation over seeds; None for one seed.
        difference: Mean minus float32's mean; None for float32 itself.
        difference_in_noise: The difference in units of the pooled standard deviation; None for one seed.
    """

    model: str
    score: str
    precision: str
    values: list[float]
    mean: float
    deviation: float | None
    difference: float | None
    difference_in_noise: float | None

    def to_markdown(self) -> str:
        """Returns a row of the table."""
        cells = [self.model, self.score, self.precision, f"{self.mean:.4f}"]
        cells += ["" if self.deviation is None else f"{self.deviation:.4f}"]
        cells += ["" if self.difference is None else f"{self.difference:+.4f}"]
        cells += ["" if self.difference_in_noise is None else f"{self.difference_in_noise:+.2f}"]
        return f"| {' | '.join(cells)} |"


def make_row(model: str, score: str, precision: str, values: list[float], reference: list[float]) -> Row:
    """Compares one precision's scores with float32's."""
    deviations = [float(np.std(v, ddof=1)) if len(v) > 1 else None for v in (values, reference)]
    difference = noise = None
    if precision != REFERENCE:
        difference = float(np.mean(values) - np.mean(reference))
        if None not in deviations:
            noise = float(np.sqrt(np.mean(np.square(deviations))))
    return Row(
        model,
        score,
        precision,
        values,
        float(np.mean(values)),
        deviations[0],
        difference,
        difference / noise if noise else None,
    )


def settings_of(model: str, options: argparse.Namespace) -> dict:
    """Returns the settings that differ from the recipe, under the names of `zoo train`."""
    shared = {"epochs": options.epochs, "data_dir": options.data_dir}
    if model == "srcnn":
        patches = {"patches_per_image": options.patches_per_image, "image_size": 32}
        return {**shared, **patches, "dataset": "t91", "is_residual": True}
    return {**shared, "dataset": "fashion_mnist", "only": {"category": options.categories}}


def train(config: TrainingConfig, run: Path) -> dict[str, float]:
    """Trains or resumes a run; returns its last epoch's metrics."""
    if (run / run_directory.CONFIG).exists() and run_directory.read_config(run) != config:
        sys.exit(f"{run} was trained with other settings. Name another --output.")
    if not (run / run_directory.MODEL).exists():
        keras.backend.clear_session()
        if (run / run_directory.CHECKPOINTS / "checkpoint").exists():
            resume_training(run)
        else:
            run_directory.remove_unstarted(run)
            start_training(config, run.parent, run.name)
    return read_metrics(run / run_directory.METRICS)[-1]


def measure(model: str, precisions: list[str], options: argparse.Namespace) -> list[Row]:
    """Trains a model under each precision with each seed, and compares the scores."""
    values = {score: {precision: [] for precision in precisions} for score in SCORES[model]}
    # Made once, because counting the images of some categories takes seconds.
    config, _ = make_config(model, None, {**settings_of(model, options), "precision": REFERENCE})
    for seed in range(options.seeds):
        for precision in precisions:
            run = options.output / f"{model}_{precision}_{seed}"
            start = time.perf_counter()
            metrics = train(dataclasses.replace(config, precision=precision, seed=seed), run)
            print(f"{run}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
            for score in SCORES[model]:
                values[score][precision].append(metrics[score])
    return [
        make_row(model, score, precision, values[score][precision], values[score][REFERENCE])
        for score in SCORES[model]
        for precision in precisions
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="directory of the runs and precision_scores.json"
    )
    parser.add_argument("--models", default=",".join(SCORES))
    parser.add_argument("--precisions", default="mixed_bfloat16", help="compared with float32")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--categories", default=CATEGORIES, help="of Fashion-MNIST; fewer take less time")
    parser.add_argument("--patches-per-image", type=int, default=64, help="of T91")
    parser.add_argument("--data-dir", default=None)
    options = parser.parse_args()
    models = options.models.split(",")
    if unknown := set(models) - SCORES.keys():
        parser.error(f"There are no scores for {', '.join(sorted(unknown))}. Known: {', '.join(SCORES)}.")
    options.categories = options.categories.split(",")
    precisions = [resolve_precision(precision)[0] for precision in options.precisions.split(",")]
    precisions = list(dict.fromkeys((REFERENCE, *precisions)))

    start, rows = time.perf_counter(), []
    for model in models:
        rows += measure(model, precisions, options)
    print("| model | score | precision | mean | standard deviation | difference | in units of the noise |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print(row.to_markdown())
    print(f"{options.seeds} seeds, {(time.perf_counter() - start) / 60:.1f} minutes.")
    settings = {name: value for name, value in vars(options).items() if name != "output"}
    result = {"settings": settings, "rows": [dataclasses.asdict(row) for row in rows]}
    path = options.output / "precision_scores.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
