"""Warns when a generator collapses, i.e. makes nearly the same picture again and again."""

import sys

import keras

# Real pictures of one kind have diversity 1 by definition; a healthy generator's samples have 0.7 to 1.1.
MIN_DIVERSITY = 0.3
# Samples of the first epoch (number 0) are always grey and similar.
FIRST_EPOCH = 1


class CollapseWarning(keras.callbacks.Callback):
    """Warns once if `val_diversity` falls below `MIN_DIVERSITY`; models without this metric are ignored.

    Args:
        write: Receives the warning's text; prints to standard error by default.
    """

    def __init__(self, write=None):
        super().__init__()
        self._write = write or (lambda text: print(text, file=sys.stderr, flush=True))
        self._has_warned = False

    def on_epoch_end(self, epoch, logs=None):
        diversity = (logs or {}).get("val_diversity")
        if diversity is None or self._has_warned or epoch < FIRST_EPOCH or diversity >= MIN_DIVERSITY:
            return
        self._has_warned = True
        self._write(
            f"The generator has collapsed: in epoch {epoch + 1} its pictures of one kind differ by only "
            f"{float(diversity):.2f} times as much as real ones (healthy: above {MIN_DIVERSITY}). Train "
            "again with --r1-weight 1, a lower --learning-rate, or --diff-augment colour,translation,cutout."
        )
