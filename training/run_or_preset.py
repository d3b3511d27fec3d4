"""A trained model by what the user calls it."""

import dataclasses
import functools
from pathlib import Path

from training import run_directory
from training.config import TrainingConfig


@dataclasses.dataclass(frozen=True)
class Source:
    """A trained model, whoever trained it.

    Args:
        kind: `"run"`.
        name: Name of the run directory.
        directory: Where its files are.
        config: What it was trained with.
    """

    kind: str
    name: str
    directory: Path
    config: TrainingConfig

    @functools.cached_property
    def model(self):
        """The model, loaded when it is asked for, under the float32 policy and not compiled."""
        return run_directory.load_model(self.directory)


def find_run_or_preset(text: str) -> Source:
    """Finds a run directory; reads its configuration and leaves its weights alone.

    Raises:
        FileNotFoundError: There is none, or it is no run.
        ValueError: Its configuration is damaged or from another version.
    """
    run = Path(text)
    return Source("run", run.resolve().name, run, run_directory.read_config(run))


def load_run_or_preset(text: str) -> Source:
    """Finds a run directory and loads its model.

    Raises:
        Exception: As `find_run_or_preset` and `run_directory.load_model`.
    """
    source = find_run_or_preset(text)
    source.model  # noqa: B018 - loads it, so that what is damaged is said here
    return source
