"""Warns when a generator collapses, i.e. makes nearly the same picture again and again."""

import sys

import keras

# Real pictures of one kind have diversity 1 by definition; a healthy generator's samples have 0.7 to 1.1.
MIN_DIVERSITY = 0.3
# Until then samples are grey and similar, however the training goes on.
MIN_STEPS = 500
# Single epochs may be worse than what is before and after them.
NUM_EPOCHS = 2


class CollapseWarning(keras.callbacks.Callback):
    """Warns once if `val_diversity` is below `MIN_DIVERSITY` in `NUM_EPOCHS` epochs in a row.

    Only epochs after `MIN_STEPS` steps of this fit count. Models without this metric are ignored.

    Args:
        write: Receives the warning's text; prints to standard error by default.
    """

    def __init__(self, write=None):
        super().__init__()
        self._write = write or (lambda text: print(text, file=sys.stderr, flush=True))
        self._has_warned = False
        self._num_steps = self._num_low = 0
        self._last_batch = -1

    def on_epoch_begin(self, epoch, logs=None):
        self._last_batch = -1

    def on_train_batch_end(self, batch, logs=None):
        # Several steps may be one call.
        self._num_steps += batch - self._last_batch
        self._last_batch = batch

    def on_epoch_end(self, epoch, logs=None):
        diversity = (logs or {}).get("val_diversity")
        if diversity is None or self._has_warned or self._num_steps < MIN_STEPS:
            return
        self._num_low = self._num_low + 1 if diversity < MIN_DIVERSITY else 0
        if self._num_low < NUM_EPOCHS:
            return
        self._has_warned = True
        self._write(
            f"The generator has collapsed: in epoch {epoch + 1} its pictures of one kind differ by only "
            f"{float(diversity):.2f} times as much as real ones (healthy: above {MIN_DIVERSITY}). Train "
            "again with --r1-weight 1, a lower --learning-rate, or --diff-augment colour,translation,cutout."
        )
