"""The run directory, which a training writes and evaluation and export read."""

import datetime
import shutil
from pathlib import Path

from training.runs.config import TrainingConfig

CONFIG = "config.json"
METRICS = "metrics.jsonl"
TENSORBOARD = "tensorboard"
SAMPLES = "samples"
CHECKPOINTS = "checkpoints"
# Next to a generator's checkpoints: the description of the judge that compared its pictures with real ones.
JUDGE = "judge.json"
MODEL = "model.keras"
MODEL_CARD = "model_card.md"
EVALUATION = "evaluation.json"
REPORT = "report.html"
# Exists only while the run is being trained, or after its process was killed.
LOCK = "training.lock"


def create_run_directory(runs_dir: Path, config: TrainingConfig, run_name: str | None = None) -> Path:
    """Creates `runs_dir/<YYYYmmdd-HHMMSS>-<model>-<dataset>` with the run's `config.json`.

    Args:
        runs_dir: Directory of runs; created if necessary.
        config: The run's configuration.
        run_name: Name to use instead of time, model and data set.

    Returns:
        Path of the new directory.

    Raises:
        OSError: `runs_dir` cannot be written, or the disk is full.
        ValueError: `run_name` already exists or is not a plain name.
    """
    check_run_name(run_name)
    time = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    run = runs_dir / (run_name or f"{time}-{config.model}-{config.dataset}")
    try:
        run.mkdir(parents=True)
    except FileExistsError as error:
        raise ValueError(
            f"A new run's directory must not exist yet. Received: {run}, which exists. Continue that run "
            "with `--resume`, or choose another `--run-name`."
        ) from error
    except OSError as error:
        raise _not_writable(runs_dir, error) from error
    try:
        write_config(run, config)
    except OSError as error:
        run.rmdir()
        raise _not_writable(runs_dir, error) from error
    return run


def check_run_name(run_name: str | None) -> None:
    """Raises `ValueError` unless the name is valid for a run; None stands for the default name."""
    if run_name is not None and (run_name in ("", ".", "..") or Path(run_name).name != run_name):
        raise ValueError(
            f"`run_name` must be a plain directory name. Received: run_name={run_name!r}. "
            "Name the parent directory with `--runs-dir`."
        )


def _not_writable(runs_dir: Path, error: OSError) -> OSError:
    return OSError(
        "The directory of runs must be writable and have enough free space. "
        f"Received: runs_dir={runs_dir} ({error.strerror}). "
        "Choose another one with `--runs-dir`, or free some space."
    )


def copy_for_resuming(run: Path, directory: Path) -> Path:
    """Copies the files that a training needs to resume into a directory, and returns the copy's path.

    Raises:
        FileNotFoundError: The run does not exist.
    """
    ignored = shutil.ignore_patterns(TENSORBOARD, SAMPLES, MODEL, LOCK, "*temp*")
    return Path(shutil.copytree(run, directory / run.name, ignore=ignored))


def remove_unstarted(run: Path) -> None:
    """Removes a run that was killed before its first checkpoint and therefore cannot be resumed."""
    if run.is_dir() and not (run / CHECKPOINTS / "checkpoint").exists():
        shutil.rmtree(run)


def write_config(run: Path, config: TrainingConfig) -> None:
    """Writes (or replaces) the run's `config.json`."""
    from zoo.files.atomic_write import write_text

    write_text(run / CONFIG, config.to_json())


def read_config(run: Path) -> TrainingConfig:
    """Reads the run's `config.json`.

    Raises:
        FileNotFoundError: The run does not exist; the message names what is missing.
        ValueError: The file belongs to another version.
    """
    check_run_directory(run)
    return TrainingConfig.read(run / CONFIG)


def check_run_directory(run: Path) -> None:
    """Raises `FileNotFoundError` unless `run` is a directory written by a training."""
    if not run.is_dir():
        raise FileNotFoundError(
            f"The run directory must exist. Received: {run}, which does not exist. "
            "Name a directory written by `zoo train`."
        )
    if not (run / CONFIG).exists():
        raise FileNotFoundError(
            f"A run directory must contain {CONFIG}. Received: {run}, where it is missing. "
            "Name a directory written by `zoo train`."
        )
