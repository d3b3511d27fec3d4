"""Study directories: the description of a hyperparameter search, its trials and its results."""

import csv
import dataclasses
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.recipes.base.registry import find_recipe
from training.recipes.base.search_space import SearchSpace
from training.runs import run_directory
from training.runs.best_epoch import is_smaller_better
from training.runs.config import TrainingConfig
from training.tuning.space_file import read_search_space, to_json
from zoo.files.atomic_write import atomic_directory, remove_unfinished, write_text

FORMAT = 1
DESCRIPTION, SPACE, TRIALS, BEST, TUNER = "study.json", "space.json", "trials", "best", "tuner"
# An objective that is measured after a trial, for models whose validation metrics do not measure quality.
FRECHET_DISTANCE = "frechet_distance"
RESULTS_CSV, RESULTS_PAGE = "results.csv", "results.md"


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training of a study.

    Args:
        name: Name of its run directory under `trials/`.
        status: `completed`, `stopped` (before its last epoch, because it was hopeless) or `failed`.
        score: Value of the objective; None if the trial failed.
        epochs: Number of epochs trained.
        minutes: Minutes that these epochs took.
        values: The hyperparameters tried, by name.
    """

    name: str
    status: str
    score: float | None
    epochs: int
    minutes: float
    values: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Study:
    """A search for the hyperparameters that optimise an objective.

    Args:
        directory: Study directory: `study.json` and `space.json`; `trials/` with a run directory per trial;
            `tuner/`, the state of the search; `results.csv` and `results.md`; `best/`, the best run.
        config: Configuration that all trials share, apart from the values tried.
        space: The search space.
        objective: Metric to optimise: a validation metric of an epoch, e.g. `val_psnr`, or
            `frechet_distance`.
        num_trials: Number of trials.
        algorithm: `"bayesian"`, or `"random"` as a baseline.
        seed: Seed of the search.
        judge: Run or preset on whose features `frechet_distance` is measured; None for other objectives.
    """

    directory: Path
    config: TrainingConfig
    space: SearchSpace
    objective: str
    num_trials: int
    algorithm: str = "bayesian"
    seed: int = 0
    judge: str | None = None

    @property
    def trials_dir(self) -> Path:
        return self.directory / TRIALS

    @property
    def sign(self) -> int:
        """1 if larger values of the objective are better, else -1."""
        return -1 if is_smaller_better(self.objective) else 1

    def write(self) -> None:
        """Creates the directory and writes `study.json` and `space.json` into it.

        Raises:
            ValueError: The directory already exists.
        """
        try:
            self.directory.mkdir(parents=True)
        except FileExistsError as error:
            raise ValueError(
                f"A study must have a directory of its own. Received: {self.directory}, which exists. "
                "Resume that study with `--resume`, or choose another `--study-name`."
            ) from error
        values = {
            name: getattr(self, name) for name in ("objective", "num_trials", "algorithm", "seed", "judge")
        }
        content = {"format": FORMAT, **values, "config": json.loads(self.config.to_json())}
        write_text(self.directory / SPACE, json.dumps(to_json(self.space), indent=2) + "\n")
        write_text(self.directory / DESCRIPTION, json.dumps(content, indent=2) + "\n")

    @classmethod
    def read(cls, directory: Path) -> "Study":
        """Reads a study directory.

        Raises:
            FileNotFoundError: The directory is not a study.
            ValueError: The study is damaged or from another version.
        """
        path = directory / DESCRIPTION
        if not path.exists():
            raise FileNotFoundError(
                f"A study directory must hold {DESCRIPTION}. Received: {directory}, where it is missing. "
                "Name a directory that `zoo tune` made."
            )
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            file_format = content.pop("format")
            config = TrainingConfig.from_values(content.pop("config"), path)
            if file_format != FORMAT:
                raise ValueError(f"its format is {file_format!r}")
            space = read_search_space(directory / SPACE, find_recipe(config.model))
            return cls(directory=directory, config=config, space=space, **content)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"A study must be whole and of format {FORMAT}, the format of this version. Received: {path} "
                f"({error}). Start a new study, or install the version that wrote it."
            ) from error

    def sort(self, trials: Sequence[Trial]) -> list[Trial]:
        """Sorts trials from best to worst, with failed ones last."""
        return sorted(trials, key=lambda t: (t.score is None, -self.sign * (t.score or 0.0), t.name))

    def write_results(self, trials: Sequence[Trial]) -> None:
        """Writes the result tables and copies the best trial's run to `best/`."""
        trials = self.sort(trials)
        write_text(self.directory / RESULTS_CSV, _to_csv(trials, self.objective, list(self.space)))
        write_text(self.directory / RESULTS_PAGE, self._to_page(trials))
        if trials and trials[0].score is not None:
            self._copy_best(self.trials_dir / trials[0].name)

    def _to_page(self, trials: Sequence[Trial]) -> str:
        names = list(self.space)
        rows = [
            f"| {t.name} | {t.status} | {'' if t.score is None else f'{t.score:.5g}'} | {t.epochs} | "
            f"{t.minutes:.1f} | {' | '.join(_format(t.values.get(name)) for name in names)} |\n"
            for t in trials
        ]
        better = "smaller" if self.sign < 0 else "larger"
        return (
            f"# Study of {self.config.model} on {self.config.dataset}\n\n{len(trials)} of {self.num_trials} "
            f"trials, best first by {self.objective} ({better} is better). The best trial's run is in "
            f"`{BEST}/`. Repeat it: `zoo train --config {BEST}/{run_directory.CONFIG}`\n\n"
            f"| trial | status | {self.objective} | epochs | minutes | {' | '.join(names)} |\n"
            f"|{'---|' * (5 + len(names))}\n{''.join(rows)}"
        )

    def _copy_best(self, run: Path) -> None:
        # The study's own process is the only writer.
        remove_unfinished(self.directory, BEST)
        left_out = shutil.ignore_patterns(run_directory.CHECKPOINTS, run_directory.TENSORBOARD)
        with atomic_directory(self.directory / BEST) as directory:
            shutil.copytree(run, directory, ignore=left_out, dirs_exist_ok=True)


def _format(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _to_csv(trials: Sequence[Trial], objective: str, names: list[str]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["trial", "status", objective, "epochs", "minutes", *names])
    for t in trials:
        score = "" if t.score is None else t.score
        values = [t.values.get(name, "") for name in names]
        writer.writerow([t.name, t.status, score, t.epochs, round(t.minutes, 3), *values])
    return file.getvalue()
