"""Checkpoints of everything that a training needs to go on."""

from pathlib import Path

import keras
import tensorflow as tf


class Checkpoints(keras.callbacks.Callback):
    """Saves weights, every optimizer's state and the random streams after each epoch.

    Unlike `keras.callbacks.ModelCheckpoint` it keeps the state of a GAN's two optimizers, and it can restore
    what it saved. Checkpoints are written by `tf.train.CheckpointManager`: whole or not at all.

    Args:
        directory: Where the checkpoints are kept.
        model: A compiled model whose variables all exist.
        num_kept: How many checkpoints to keep.
    """

    def __init__(self, directory: Path, model: keras.Model, num_kept: int = 2):
        super().__init__()
        self.num_epochs_done = tf.Variable(0, dtype="int64", trainable=False)
        self.directory = directory
        self._state = {name: variable.value for name, variable in _named_variables(model).items()}
        checkpoint = tf.train.Checkpoint(num_epochs_done=self.num_epochs_done, state=self._state)
        self._manager = tf.train.CheckpointManager(checkpoint, str(directory), max_to_keep=num_kept)

    def restore(self) -> int:
        """Restores the newest checkpoint.

        Returns:
            The number of finished epochs.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It is damaged, or of another network.
        """
        path = self._manager.latest_checkpoint
        if path is None:
            raise FileNotFoundError(
                f"A checkpoint is needed to resume. Received: {self.directory}, which holds none. Start the "
                "training anew: zoo train --config " + str(self.directory.parent / "config.json")
            )
        try:
            self._manager.checkpoint.restore(path).assert_consumed()
        except (AssertionError, IndexError, RuntimeError, tf.errors.OpError, ValueError) as error:
            raise ValueError(
                f"The checkpoint must be whole and of the same network. Received: {path}. {error}"
            ) from error
        return int(self.num_epochs_done.numpy())

    def save_initial_state(self) -> None:
        """Saves what the model begins with, so that it can be resumed before its first epoch has ended."""
        if self._manager.latest_checkpoint is None:
            self._manager.save(checkpoint_number=0)

    def on_epoch_end(self, epoch, logs=None):
        self.num_epochs_done.assign(epoch + 1)
        self._manager.save(checkpoint_number=epoch + 1)


def _named_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Names everything that a step changes, so that a checkpoint of another network is refused by name.

    Keras numbers seeds and optimizers as a process makes them: `adam_3` here is `adam` after a restart. They
    are named by their place in the model instead.
    """
    named = {weight.path: weight for weight in model.weights}
    if len(named) < len(model.weights):
        paths = [weight.path for weight in model.weights]
        raise ValueError(
            "Every weight must have a path of its own, or a checkpoint loses some. "
            f"Received: {', '.join(sorted({path for path in paths if paths.count(path) > 1}))} several times."
        )
    weight_ids = {id(weight) for weight in model.weights}
    seeds = [variable for variable in model.variables if id(variable) not in weight_ids]
    named |= {f"seed_{index}": seed for index, seed in enumerate(seeds)}
    for attribute, value in vars(model).items():
        if isinstance(value, keras.optimizers.Optimizer):
            for variable in value.variables:
                optimizer_name, _, rest = variable.path.partition("/")
                named[f"{attribute}/{optimizer_name.rstrip('_0123456789')}/{rest}"] = variable
    return named
