"""The directory that a training leaves behind, and that evaluation and export take up."""

import datetime
import shutil
from pathlib import Path

from training.runs.config import TrainingConfig

CONFIG = "config.json"
METRICS = "metrics.jsonl"
TENSORBOARD = "tensorboard"
SAMPLES = "samples"
CHECKPOINTS = "checkpoints"
MODEL = "model.keras"
MODEL_CARD = "model_card.md"
EVALUATION = "evaluation.json"
REPORT = "report.html"
# Only while the run is being trained, or after its process was killed.
LOCK = "training.lock"


def create_run_directory(runs_dir: Path, config: TrainingConfig, run_name: str | None = None) -> Path:
    """Creates `runs_dir/<YYYYmmdd-HHMMSS>-<model>-<dataset>` with the run's `config.json` in it.

    Args:
        runs_dir: Where runs are kept; created if need be.
        config: The run's configuration.
        run_name: Name to use instead of the time, model and data set.

    Returns:
        Path of the new directory.

    Raises:
        OSError: `runs_dir` cannot be written, or the disk is full.
        ValueError: `run_name` exists already or is no plain name.
    """
    check_run_name(run_name)
    time = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    run = runs_dir / (run_name or f"{time}-{config.model}-{config.dataset}")
    try:
        run.mkdir(parents=True)
    except FileExistsError as error:
        raise ValueError(
            f"A run must have a directory of its own. Received: {run}, which exists. Continue it with "
            "`--resume`, or choose another `--run-name`."
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
    """Raises `ValueError` unless a run can have this name, or is to have the default one."""
    if run_name is not None and (run_name in ("", ".", "..") or Path(run_name).name != run_name):
        raise ValueError(f"`run_name` must be a plain directory name. Received: run_name={run_name!r}.")


def _not_writable(runs_dir: Path, error: OSError) -> OSError:
    return OSError(
        f"The directory of runs must be writable and have room. Received: runs_dir={runs_dir} "
        f"({error.strerror}). Name another one with `--runs-dir`, or free some space."
    )


def copy_for_resuming(run: Path, directory: Path) -> Path:
    """Copies what a training needs to go on into a directory, and returns the copy.

    Raises:
        FileNotFoundError: There is no such run.
    """
    ignored = shutil.ignore_patterns(TENSORBOARD, SAMPLES, MODEL, LOCK, "*temp*")
    return Path(shutil.copytree(run, directory / run.name, ignore=ignored))


def remove_unstarted(run: Path) -> None:
    """Removes a run that was killed before its first checkpoint, of which nothing can be resumed."""
    if run.is_dir() and not (run / CHECKPOINTS / "checkpoint").exists():
        shutil.rmtree(run)


def write_config(run: Path, config: TrainingConfig) -> None:
    """Writes (or replaces) the run's `config.json`."""
    from zoo.files.atomic_write import write_text

    write_text(run / CONFIG, config.to_json())


def read_config(run: Path) -> TrainingConfig:
    """Reads the run's `config.json`.

    Raises:
        FileNotFoundError: There is no such run; the message names what is missing.
        ValueError: The file is from another version.
    """
    check_run_directory(run)
    return TrainingConfig.read(run / CONFIG)


def check_run_directory(run: Path) -> None:
    """Raises FileNotFoundError unless `run` is a directory that a training made."""
    if not run.is_dir():
        raise FileNotFoundError(f"A run directory is needed. Received: {run}, which does not exist.")
    if not (run / CONFIG).exists():
        raise FileNotFoundError(
            f"A run directory must hold {CONFIG}. Received: {run}, where it is missing. Name a directory "
            "that `zoo train` made."
        )
