"""Checkpoints with everything that a training needs to resume."""

import concurrent.futures
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import click
import keras
import numpy as np
import tensorflow as tf

from training.callbacks.damaged_checkpoint import ASIDE, MAX_REASON_LENGTH, find_damage, set_aside
from training.callbacks.diverged import DivergedError
from zoo.files.unglobbed import unglobbed

# A separate directory, because the manager of the newest checkpoints deletes old ones from its own.
BEST = "best"


class Checkpoints(keras.callbacks.Callback):
    """Saves weights, every optimizer's state, the random streams and the current epoch's metrics.

    It saves after each epoch, and within epochs at intervals of steps or minutes. Unlike
    `keras.callbacks.ModelCheckpoint` it keeps the state of a GAN's two optimizers, and can restore what it
    saved. `tf.train.CheckpointManager` writes checkpoints atomically in a thread; the training waits only
    while variables are copied. Non-finite weights are never saved.

    Args:
        directory: Directory of the checkpoints.
        model: A compiled model whose variables all exist.
        num_kept: Number of newest checkpoints to keep.
        every_steps: Steps between checkpoints within an epoch; None for no such checkpoints.
        every_minutes: Minutes between checkpoints within an epoch; None for no such checkpoints.
        is_best: Given the number of a finished epoch and that of the epoch in `best/` (None without one),
            returns whether the finished one replaces it there.
        now: Clock in seconds.

    Attributes:
        num_epochs_done: Number of finished epochs.
        num_steps_done: Number of finished steps of the current epoch.
    """

    def __init__(
        self,
        directory: Path,
        model: keras.Model,
        num_kept: int = 2,
        every_steps: int | None = None,
        every_minutes: float | None = None,
        is_best: Callable[[int, int | None], bool] = lambda num_epochs, kept: False,
        now: Callable[[], float] = time.monotonic,
    ):
        super().__init__()
        self.directory = directory
        self.num_epochs_done = self.num_steps_done = 0
        self._every_steps = every_steps
        self._every_seconds = None if every_minutes is None else 60.0 * every_minutes
        self._is_best = is_best
        self._now = now
        self._metrics = list(model.metrics_variables)
        self._metric_names = {f"metric_{index}" for index in range(len(self._metrics))}
        self._restored_metrics: list[np.ndarray] | None = None
        self._first_step_of_fit = 0
        self._variables = {name: variable.value for name, variable in _named_variables(model).items()}
        # Copies that are written while the training continues; on the CPU, to save GPU memory.
        with tf.device("CPU"):
            self._copies = {
                name: tf.Variable(variable, trainable=False) for name, variable in self._variables.items()
            }
        self._position = tf.Variable([0, 0], dtype="int64", trainable=False)
        self._num_kept = num_kept
        self._manager = self._make_manager(directory, num_kept)
        self._best_manager = self._make_manager(directory / BEST, 1)
        self._writer = concurrent.futures.ThreadPoolExecutor(1, "checkpoints")
        self._writing: concurrent.futures.Future | None = None
        self._note_saved()

    def restore(self) -> tuple[int, int]:
        """Restores the newest intact checkpoint, and sets newer, damaged ones aside with a message.

        A damaged checkpoint of the best epoch is set aside too; one whose writing was interrupted is written
        again.

        Returns:
            The number of finished epochs, and the number of finished steps of the next one.

        Raises:
            FileNotFoundError: There is no checkpoint.
            ValueError: No checkpoint is intact, or it belongs to another network.
        """
        paths = self._manager.checkpoints[::-1]
        if not paths:
            raise FileNotFoundError(
                f"A run must have a checkpoint to be resumed. Received: {self.directory}, which has none. "
                f"{self._how_to_begin_anew}"
            )
        damaged = {}
        for path in paths:
            reason = find_damage(path)
            if reason is None:
                break
            damaged[path] = reason
        else:
            reasons = "; ".join(f"{Path(path).name}: {reason}" for path, reason in damaged.items())
            raise ValueError(
                f"A run must have an intact checkpoint to be resumed. Received: {self.directory}, where all "
                f"are damaged ({reasons}). Restore one of them from a backup. {self._how_to_begin_anew}"
            )
        self._restore(path)
        if damaged:
            self._go_on_from(path, damaged)
        self._remove_leftovers()
        self._mend_best()
        self._first_step_of_fit = self.num_steps_done
        if self.num_steps_done:
            self._restored_metrics = [variable.numpy() for variable in self._metrics]
        return self.num_epochs_done, self.num_steps_done

    def restore_best(self) -> int | None:
        """Restores the best epoch's checkpoint and returns the epoch's number; None without one."""
        self.wait()
        path = self._best_manager.latest_checkpoint
        if path is not None:
            self._restore(path)
        return None if path is None else self.num_epochs_done

    @property
    def best_epoch(self) -> int | None:
        """The number of the epoch in `best/`; None without one."""
        return _number(self._best_manager.latest_checkpoint)

    def save_initial_state(self) -> None:
        """Saves the initial state, which makes a run resumable before its first epoch has ended."""
        if self._manager.latest_checkpoint is None:
            self._begin_saving(self._manager, 0)
            self.wait()  # reports a full disk before the first step

    def save(self) -> None:
        """Starts saving the current state, between two steps, unless it is already saved.

        Raises:
            DivergedError: A weight is not finite.
            tf.errors.OpError: The previous checkpoint could not be written.
        """
        if not self._is_saved:
            self.wait()
            self._begin_saving(self._manager, (_number(self._manager.latest_checkpoint) or 0) + 1)

    def wait(self) -> None:
        """Waits until the last checkpoint is on disk.

        Raises:
            tf.errors.OpError: The checkpoint could not be written.
        """
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def on_epoch_begin(self, epoch, logs=None):
        self.num_steps_done = self._first_step_of_fit
        if self._restored_metrics is not None:
            # Keras resets the metrics before this call.
            for variable, value in zip(self._metrics, self._restored_metrics, strict=True):
                variable.assign(value)
        self._restored_metrics = None

    def on_train_batch_end(self, batch, logs=None):
        self.num_steps_done = self._first_step_of_fit + batch + 1
        self._is_saved = False
        # The last step of an epoch is saved in `on_epoch_end`.
        if batch + 1 < self.params["steps"] and self._is_due():
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        self.num_epochs_done, self.num_steps_done = epoch + 1, 0
        self._first_step_of_fit = 0
        self._is_saved = False
        self.save()
        self._save_if_best()

    def on_train_end(self, logs=None):
        self.wait()

    def _make_manager(self, directory: Path, num_kept: int) -> tf.train.CheckpointManager:
        checkpoint = tf.train.Checkpoint(position=self._position, state=self._copies)
        self.directory.mkdir(parents=True, exist_ok=True)
        path = unglobbed(self.directory) / directory.relative_to(self.directory)
        return tf.train.CheckpointManager(checkpoint, str(path), max_to_keep=num_kept)

    @property
    def _how_to_begin_anew(self) -> str:
        return f"To start over: zoo train --config {self.directory.parent / 'config.json'}"

    def _go_on_from(self, path: str, damaged: Mapping[str, str]) -> None:
        for name, reason in ((Path(path).name, reason) for path, reason in damaged.items()):
            click.echo(
                f"Checkpoint {name} is damaged ({reason}); resuming from {Path(path).name}, after "
                f"{self.num_epochs_done} epochs and {self.num_steps_done} steps of the next. Its remains are "
                f"kept as {self.directory / (ASIDE + name)}.*",
                err=True,
            )
        set_aside(list(damaged), [path for path in self._manager.checkpoints if path not in damaged])
        self._manager = self._make_manager(self.directory, self._num_kept)

    def _mend_best(self) -> None:
        path = self._best_manager.latest_checkpoint
        reason = path and find_damage(path)
        if reason:
            aside = Path(path).with_name(ASIDE + Path(path).name)
            click.echo(
                f"The checkpoint of the best epoch, {self.best_epoch}, is damaged ({reason}); the best of "
                f"the epochs from here on will be kept. Its remains are kept as {aside}.*",
                err=True,
            )
            set_aside([path], [])
            self._best_manager = self._make_manager(self.directory / BEST, 1)
        if self.num_epochs_done not in (0, self.best_epoch) and not self.num_steps_done:
            self._save_if_best()
            self.wait()

    def _save_if_best(self) -> None:
        if self._is_best(self.num_epochs_done, self.best_epoch):
            self.wait()
            self._begin_saving(self._best_manager, self.num_epochs_done)

    def _is_due(self) -> bool:
        num_steps, seconds = self.num_steps_done - self._saved_step, self._now() - self._saved_seconds
        return (self._every_steps is not None and num_steps >= self._every_steps) or (
            self._every_seconds is not None and seconds >= self._every_seconds
        )

    def _begin_saving(self, manager, number: int) -> None:
        for name, variable in self._variables.items():
            if variable.dtype.is_floating and not np.isfinite(variable.numpy()).all():
                what = "a mean of the epoch's metrics" if name in self._metric_names else name
                raise DivergedError(f"{what} is not finite")
            self._copies[name].assign(variable)
        self._position.assign([self.num_epochs_done, self.num_steps_done])
        self._writing = self._writer.submit(manager.save, checkpoint_number=number)
        self._note_saved()

    def _note_saved(self) -> None:
        self._is_saved = True
        self._saved_step, self._saved_seconds = self.num_steps_done, self._now()

    def _remove_leftovers(self) -> None:
        """Removes files that a killed process left unfinished."""
        for leftover in self.directory.rglob("*temp*"):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)

    def _restore(self, path: str) -> None:
        checkpoint = tf.train.Checkpoint(position=self._position, state=self._variables)
        try:
            # `assert_consumed` reports what is missing; TensorFlow would repeat it later for every variable.
            checkpoint.restore(path).expect_partial().assert_consumed()
        except (AssertionError, IndexError, RuntimeError, tf.errors.OpError, ValueError) as error:
            raise ValueError(
                "The checkpoint must be intact and belong to the same network. "
                f"Received: {self.directory / Path(path).name}. "
                f"{str(error).splitlines()[0][:MAX_REASON_LENGTH]}"
            ) from error
        self.num_epochs_done, self.num_steps_done = map(int, self._position.numpy())
        self._note_saved()


def _number(path: str | None) -> int | None:
    return int(path.rpartition("-")[2]) if path else None


def _named_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Names every variable that a step changes, which lets errors name what differs in another network.

    Keras numbers seeds and optimizers in the order of their creation: one process's `adam_3` is another's
    `adam`. They are therefore named by their place in the model.
    """
    named = {weight.path: weight for weight in model.weights}
    if len(named) < len(model.weights):
        paths = [weight.path for weight in model.weights]
        raise ValueError(
            "Every weight must have a unique path, or a checkpoint would lose some of them. "
            f"Received: {', '.join(sorted({path for path in paths if paths.count(path) > 1}))} several "
            "times. Give the model's layers unique names."
        )
    weight_ids = {id(weight) for weight in model.weights}
    seeds = [variable for variable in model.variables if id(variable) not in weight_ids]
    named |= {f"seed_{index}": seed for index, seed in enumerate(seeds)}
    named |= {f"metric_{index}": metric for index, metric in enumerate(model.metrics_variables)}
    for attribute, value in vars(model).items():
        if isinstance(value, keras.optimizers.Optimizer):
            for variable in value.variables:
                optimizer_name, _, rest = variable.path.partition("/")
                named[f"{attribute}/{optimizer_name.rstrip('_0123456789')}/{rest}"] = variable
    return named
