"""A training session: everything that the training loop needs from its first step to its last."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import keras

from training.callbacks.checkpoints import Checkpoints
from training.data.data_sets import DataSet
from training.distribution.distribution import Distribution
from training.recipes.base.recipe import Recipe
from training.recipes.base.registry import find_recipe
from training.runs import run_directory
from training.runs.config import TrainingConfig
from training.runs.run_control import RunControl

# Steps per call of the compiled function: enough to hide Python's overhead per call.
MAX_STEPS_PER_EXECUTION = 20


@dataclasses.dataclass(frozen=True)
class Session:
    """A training that is ready to run its steps.

    Args:
        run: Run directory; in a worker that is not the chief, its private copy.
        config: The run's complete configuration.
        data_set: The open data set.
        model: The compiled model, with the state of the newest checkpoint, if there is one.
        checkpoints: Counts the epochs and steps done, and saves the training.
        control: Time limit, frequency of checkpoints and options for TensorBoard.
        distribution: Where the replicas run.
        callbacks: Additional callbacks; at the end of an epoch they find its metrics written.
    """

    run: Path
    config: TrainingConfig
    data_set: DataSet
    model: keras.Model
    checkpoints: Checkpoints
    control: RunControl
    distribution: Distribution
    callbacks: Sequence[keras.callbacks.Callback] = ()

    @property
    def recipe(self) -> Recipe:
        """The model's recipe."""
        return find_recipe(self.config.model)

    @property
    def metrics(self) -> Path:
        """The metrics file, with one line per epoch."""
        return self.run / run_directory.METRICS

    @property
    def steps_per_epoch(self) -> int:
        """Number of steps per epoch."""
        return count_steps(self.config, self.data_set)

    @property
    def shown_run(self) -> Path:
        """The run directory to name in messages; `RUN` in other workers, whose private copies are deleted."""
        return self.run if self.distribution.is_chief else Path("RUN")


def count_steps(config: TrainingConfig, data_set: DataSet) -> int:
    """Returns the number of steps per epoch: one pass over the training split, rounded to whole executions.

    Raises:
        ValueError: A batch is larger than the training split.
    """
    num_images = data_set.num_images["train"]
    if config.batch_size > num_images:
        raise ValueError(
            f"`batch_size` must be at most the number of training photos. Received: "
            f"batch_size={config.batch_size}, {num_images} photos in {config.dataset}. Choose a smaller "
            "--batch-size."
        )
    steps = num_images * config.patches_per_image // config.batch_size
    steps_per_execution = min(MAX_STEPS_PER_EXECUTION, steps)
    return round(steps / steps_per_execution) * steps_per_execution
