"""Writes sample sheets during training, as PNG files and for TensorBoard."""

from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from training.pages.picture_sheet import PictureSheet
from zoo.files.atomic_write import write_bytes


class SampleWriter(keras.callbacks.Callback):
    """Draws sheets of the same samples before the first and after each epoch, to make progress visible.

    Args:
        draw_samples: Draws the sheet of the model's current state; seeds must be fixed.
        samples_dir: Directory for `epoch-0000.png`, `epoch-0001.png`, ...
        tensorboard_dir: TensorBoard directory for the image series `samples`, with one step per epoch.
        draw_traversals: Draws latent traversals, for TensorBoard only; returns None if there are none.
        description: Markdown text for TensorBoard.
    """

    def __init__(
        self,
        draw_samples: Callable[[], PictureSheet],
        samples_dir: Path,
        tensorboard_dir: Path,
        draw_traversals: Callable[[], PictureSheet | None] = lambda: None,
        description: str = "",
    ):
        super().__init__()
        self._draw_samples = draw_samples
        self._draw_traversals = draw_traversals
        self._description = description
        self._samples_dir = samples_dir
        self._writer = tf.summary.create_file_writer(str(tensorboard_dir / "samples"))
        samples_dir.mkdir(parents=True, exist_ok=True)

    def on_train_begin(self, logs=None):
        if not any(self._samples_dir.iterdir()):
            self._write(0)
        if self._description:
            with self._writer.as_default(step=0):
                tf.summary.text("configuration", self._description)

    def on_epoch_end(self, epoch, logs=None):
        self._write(epoch + 1)

    def _write(self, num_epochs_done: int) -> None:
        sheet = self._draw_samples()
        write_bytes(self._samples_dir / f"epoch-{num_epochs_done:04d}.png", sheet.to_png())
        with self._writer.as_default(step=num_epochs_done):
            tf.summary.image("samples", sheet.draw()[None])
            traversals = self._draw_traversals()
            if traversals is not None:
                tf.summary.image("traversals", traversals.draw()[None])
        self._writer.flush()
