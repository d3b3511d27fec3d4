"""Logs a run's metrics and samples to Weights & Biases.

Sources:
    [W&B] docs.wandb.ai: `WANDB_MODE=offline` keeps everything in a directory for `wandb sync`;
    `WANDB_API_KEY`, `WANDB_PROJECT` and `WANDB_ENTITY` select the destination.
"""

import os
from pathlib import Path
from typing import Any

import keras

from training.callbacks.stop_requests import StopRequest
from training.runs import run_directory
from training.runs.config import TrainingConfig
from zoo.errors import WrongUsageError
from zoo.files.atomic_write import write_text

DEFAULT_PROJECT = "product-image-zoo"
ID_FILE = "wandb_id.txt"


class WandbLog(keras.callbacks.Callback):
    """Sends each epoch's logs and sample sheet; place it after `SampleWriter`.

    Use it as a context manager around the training. The remote run is finished at the end of the block, and
    marked as failed if an exception other than `StopRequest` leaves it. A resumed run continues the same
    remote run.

    Args:
        run: Run directory, which also receives wandb's offline files.
        config: The run's configuration.

    Raises:
        WrongUsageError: The package wandb is not installed.
    """

    def __init__(self, run: Path, config: TrainingConfig):
        super().__init__()
        self._wandb = import_wandb()
        self._run, self._config = run, config
        self._remote: Any = None

    def on_train_begin(self, logs=None):
        if self._remote is not None:  # an interrupted epoch is completed in a separate `fit`
            return
        id_file = self._run / ID_FILE
        known_id = id_file.read_text(encoding="utf-8") if id_file.exists() else None
        self._remote = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT", DEFAULT_PROJECT),
            name=self._run.name,
            id=known_id,
            resume="allow",
            dir=str(self._run),
            config=vars(self._config),
        )
        write_text(id_file, self._remote.id)

    def on_epoch_end(self, epoch, logs=None):
        values = {"epoch": epoch + 1, **{name: float(value) for name, value in (logs or {}).items()}}
        sheet = self._run / run_directory.SAMPLES / f"epoch-{epoch + 1:04d}.png"
        if sheet.exists():
            values["samples"] = self._wandb.Image(str(sheet))
        self._remote.log(values, step=epoch + 1)

    def __enter__(self):
        return self

    def __exit__(self, error_type, *error):
        if self._remote is not None:
            is_failed = error_type is not None and not issubclass(error_type, StopRequest)
            self._remote.finish(exit_code=int(is_failed))


def import_wandb():
    """Returns the package wandb.

    Raises:
        WrongUsageError: The package is not installed.
    """
    try:
        import wandb
    except ImportError as error:
        raise WrongUsageError(
            "The package wandb must be installed, because `--wandb` is set. Received: no such package. "
            "Install it: pip install 'product-image-zoo[wandb]'."
        ) from error
    return wandb
