"""Stops trials of a study that are unlikely to become the best.

Source:
    [Vizier] Golovin et al. 2017, "Google Vizier: A Service for Black-Box Optimization", section 3.2.2: median
    stopping.
"""

from collections.abc import Sequence
from pathlib import Path

import keras

from training.runs import run_directory
from training.runs.metrics_log import read_metrics

# Epochs that every trial may train, and the fewest finished trials to compare it with.
MIN_EPOCHS, MIN_TRIALS = 2, 3


class HopelessTrial(keras.callbacks.Callback):
    """Stops a trial whose best score so far is below the median of the other trials at that epoch [Vizier].

    Place it after `MetricsLog`.

    Args:
        run: The trial's run directory; the run directories beside it are the other trials.
        objective: Name of the metric; a trial whose epochs lack it is never stopped.
        sign: 1 if larger values are better, else -1.
    """

    def __init__(self, run: Path, objective: str, sign: int):
        super().__init__()
        self._run = run
        self._objective = objective
        self._sign = sign

    def on_epoch_end(self, epoch, logs=None):
        own = self._read_scores(self._run)
        finished = [path.parent for path in self._run.parent.glob(f"*/{run_directory.MODEL}")]
        others = [self._read_scores(run) for run in sorted(finished) if run != self._run]
        if is_hopeless(own, others):
            self.model.stop_training = True

    def _read_scores(self, run: Path) -> list[float]:
        epochs = read_metrics(run / run_directory.METRICS)
        return [self._sign * line[self._objective] for line in epochs if self._objective in line]


def is_hopeless(own: Sequence[float], others: Sequence[Sequence[float]]) -> bool:
    """Returns whether a trial's best score is below the median of the others' best after as many epochs.

    Args:
        own: The trial's score at each epoch so far; larger is better.
        others: The scores of the finished trials in the same form.

    Example:

    >>> is_hopeless([1.0, 2.0], [[3.0, 3.0], [3.0, 4.0], [1.0, 1.0]])
    True
    """
    bests = sorted(max(scores[: len(own)]) for scores in others if scores)
    if len(own) < MIN_EPOCHS or len(bests) < MIN_TRIALS:
        return False
    middle = len(bests) // 2
    median = bests[middle] if len(bests) % 2 else (bests[middle - 1] + bests[middle]) / 2
    return max(own) < median
