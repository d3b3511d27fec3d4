"""Compares the Bayesian search of `zoo tune` with random search (`--random`) at equal budget, on SRCNN.

    python tests/benchmarks/tuning.py --output tuning

For each seed it runs two studies with the same number of trials, epochs and steps, and compares the best
validation PSNR, in dB, that each finds. `zoo tune` runs each study in its own process and in a directory
under `--output`; a stopped benchmark resumes in the middle of a trial when it is called again.

- Cheap on purpose: SRCNN 9-1-5 on patches of 32 pixels, 64 of each photo. The search space is the recipe's
  own without the kernels: learning rate, its schedule, residual learning, augmentation. All other settings
  are the recipe's, too.
- One epoch per trial, so that median stopping, which waits for two, stops no trial. With more epochs it stops
  trials of both searches by the same rule.
- The first trials of a Bayesian search are drawn at random. They equal those of the random search with the
  same seed and, because training is deterministic, have the same scores. If such a common trial is the best
  of both, there is no winner; the table includes its score, too.
"""

import argparse
import csv
import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))

import numpy as np  # noqa: E402 - after the path is set

from training.loop.new_config import make_config  # noqa: E402
from training.recipes.base.registry import RECIPES  # noqa: E402
from training.tuning.study import DESCRIPTION, RESULTS_CSV, Study  # noqa: E402
from training.tuning.tuner import num_random_trials  # noqa: E402

ALGORITHMS = ("bayesian", "random")
FIXED = {"kernels": "9-1-5"}


@dataclasses.dataclass(frozen=True)
class Found:
    """The results of one search.

    Args:
        scores: Each trial's validation PSNR in dB, in order; None for a failed trial.
        minutes: Duration of all trainings.
        best_values: The best trial's hyperparameters, by name.
    """

    scores: list[float | None]
    minutes: float
    best_values: dict[str, str]

    def best(self, num_trials: int | None = None) -> float:
        """Returns the best score of the first trials, or of all; -inf if all of them failed."""
        return max((score for score in self.scores[:num_trials] if score is not None), default=-math.inf)


def make_study(directory: Path, algorithm: str, seed: int, options: argparse.Namespace) -> Study:
    """Returns a study of the recipe's search space without the kernels."""
    recipe = RECIPES["srcnn"]
    given = {
        "dataset": options.dataset,
        "data_dir": options.data_dir,
        "epochs": options.epochs,
        "patches_per_image": options.patches_per_image,
        "image_size": options.image_size,
        "precision": options.precision,
        "seed": seed,
        "deterministic": True,
        **FIXED,
    }
    return Study(
        directory=directory,
        config=make_config("srcnn", None, given)[0],
        space={name: domain for name, domain in recipe.search_space.items() if name not in FIXED},
        objective=recipe.objective,
        num_trials=options.trials,
        algorithm=algorithm,
        seed=seed,
    )


def run(study: Study) -> Found:
    """Runs or resumes a study and returns its results."""
    if not (study.directory / DESCRIPTION).exists():
        study.write()
    begun = Study.read(study.directory)
    if dataclasses.replace(begun, num_trials=study.num_trials) != study:
        sys.exit(f"{study.directory} was begun with other settings. Name another --output.")
    if not (found := read_results(study)) or len(found.scores) < study.num_trials:
        words = ["tune", "--resume", str(study.directory.resolve()), "--trials", str(study.num_trials)]
        log = study.directory / "log.txt"
        with log.open("a", encoding="utf-8") as file:
            command = [sys.executable, "-m", "zoo", *words]
            done = subprocess.run(command, cwd=REPOSITORY, stdout=file, stderr=file, check=False)
        if done.returncode or not (found := read_results(study)):
            sys.exit(f"`zoo {' '.join(words)}` failed: see {log}")
    return found


def read_results(study: Study) -> Found | None:
    """Returns the results of the finished trials; None if there are none yet."""
    path = study.directory / RESULTS_CSV
    if not path.exists():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        best_first = list(csv.DictReader(file))
    in_order = sorted(best_first, key=lambda row: int(row["trial"]))
    return Found(
        [float(row[study.objective]) if row[study.objective] else None for row in in_order],
        sum(float(row["minutes"]) for row in in_order),
        {name: best_first[0][name] for name in study.space},
    )


def name_winner(found: dict[str, Found]) -> str:
    """Returns the search with the better score, or `neither` if a common trial is the best of both."""
    bayesian, random = (found[algorithm].best() for algorithm in ALGORITHMS)
    if bayesian == random:
        return "neither"
    return ALGORITHMS[0] if bayesian > random else ALGORITHMS[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="directory of the studies and tuning.json")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds")
    parser.add_argument("--trials", type=int, default=16, help="trials a study")
    parser.add_argument("--epochs", type=int, default=1, help="epochs a trial")
    parser.add_argument("--dataset", default="t91")
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--patches-per-image", type=int, default=64)
    parser.add_argument("--image-size", type=int, default=32, help="side of the patches in pixels")
    parser.add_argument("--precision", default="auto")
    options = parser.parse_args()
    num_common = num_random_trials(options.trials)
    if options.trials <= num_common:
        print(f"The first {num_common} trials of both are the same: this compares nothing.", file=sys.stderr)

    # Exits through Python, so that the study's process ends, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    rows, gains, start = [], [], time.perf_counter()
    print(f"| seed | best of the {num_common} common trials | best Bayesian | best random | winner |")
    print("|---|---|---|---|---|", flush=True)
    for seed in range(options.seeds):
        found = {
            algorithm: run(make_study(options.output / f"{algorithm}_{seed}", algorithm, seed, options))
            for algorithm in ALGORITHMS
        }
        common = found["random"].best(num_common)
        bests = [found[algorithm].best() for algorithm in ALGORITHMS]
        gains.append(bests[0] - bests[1])
        rows.append({"seed": seed, "best_common": common, "winner": name_winner(found)})
        rows[-1] |= {algorithm: dataclasses.asdict(found[algorithm]) for algorithm in ALGORITHMS}
        cells = " | ".join(f"{score:.3f} dB" for score in (common, *bests))
        print(f"| {seed} | {cells} | {rows[-1]['winner']} |", flush=True)

    num_won = {name: sum(row["winner"] == name for row in rows) for name in (*ALGORITHMS, "neither")}
    minutes = sum(row[algorithm]["minutes"] for row in rows for algorithm in ALGORITHMS)
    print(", ".join(f"{name}: {number} of {len(rows)} seeds" for name, number in num_won.items()))
    print(f"Bayesian over random: {np.mean(gains):+.3f} dB on average.")
    print(f"{minutes:.1f} minutes of training; this call took {(time.perf_counter() - start) / 60:.1f}.")
    settings = {name: value for name, value in vars(options).items() if name != "output"}
    result = {"settings": settings, "num_common_trials": num_common, "num_won": num_won, "seeds": rows}
    (options.output / "tuning.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
