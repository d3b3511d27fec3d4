"""Says when a generator makes the same picture again and again."""

import sys

import keras

# Real pictures of one kind are 1 apart by definition; samples of a healthy generator 0.7 to 1.1.
MIN_DIVERSITY = 0.3
# In the first epoch samples are grey and alike.
FIRST_EPOCH = 1


class CollapseWarning(keras.callbacks.Callback):
    """Warns once if `val_diversity` falls below `MIN_DIVERSITY`; models without it are left alone.

    Args:
        write: Takes the warning's text; standard error by default.
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
            f"The generator has collapsed: in epoch {epoch + 1} its pictures of one kind differ by "
            f"{float(diversity):.2f} of what real ones do (healthy: above {MIN_DIVERSITY}). Train again with "
            "--r1-weight 1, a lower --learning-rate, or --diff-augment colour,translation,cutout."
        )
