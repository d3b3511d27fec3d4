"""What a training carries from its first step, or the one it resumes at, to its end."""

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

# Steps that run in one call of the compiled function: enough to hide what Python costs per call.
MAX_STEPS_PER_EXECUTION = 20


@dataclasses.dataclass(frozen=True)
class Session:
    """A training that is ready to run its steps.

    Args:
        run: Run directory; of a worker that is not the chief, its private copy.
        config: The run's configuration, complete.
        data_set: What it is trained on, opened once.
        model: A compiled model with the state of the newest checkpoint, if there is one.
        checkpoints: Say where the training stands, and save it.
        control: How long it may take, and what is written for TensorBoard.
        distribution: Where its replicas run.
        callbacks: Further callbacks, which find the metrics of an epoch written at its end.
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
        """The file of metrics, one line per epoch."""
        return self.run / run_directory.METRICS

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch."""
        return count_steps(self.config, self.data_set)

    @property
    def shown_run(self) -> Path:
        """The run directory as messages name it: what other workers write is gone when they end."""
        return self.run if self.distribution.is_chief else Path("RUN")


def count_steps(config: TrainingConfig, data_set: DataSet) -> int:
    """Returns the number of steps nearest to one pass over the training pictures that whole executions make.

    Raises:
        ValueError: A batch is larger than the training split.
    """
    num_images = data_set.num_images["train"]
    if config.batch_size > num_images:
        raise ValueError(
            f"`batch_size` must be at most the number of training pictures. Received: "
            f"batch_size={config.batch_size}, {num_images} pictures in {config.dataset}."
        )
    steps = num_images * config.patches_per_image // config.batch_size
    steps_per_execution = min(MAX_STEPS_PER_EXECUTION, steps)
    return round(steps / steps_per_execution) * steps_per_execution
