"""Finds the best epoch, and decides when to stop early.

Both depend on the run's metrics alone: a resumed training makes the same decisions as an uninterrupted one.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from zoo.errors import UnknownNameError, WrongUsageError

DEFAULT_PATIENCE = 5
# Metrics whose name contains one of these are better when smaller; all others are better when larger.
SMALLER_IS_BETTER = ("loss", "distance", "mae", "dependence")


@dataclasses.dataclass(frozen=True)
class EarlyStop:
    """Stops a training whose metric has not improved for some epochs.

    Args:
        metric: Name of an epoch's metric, e.g. `"val_psnr"`.
        patience: Number of epochs without improvement after which the training stops.

    Example:

    >>> stop = EarlyStop.parse("val_psnr:2")
    >>> [stop.is_due([{"val_psnr": value} for value in values]) for values in ([30, 31, 29], [31, 30, 31])]
    [False, True]
    """

    metric: str
    patience: int = DEFAULT_PATIENCE

    @classmethod
    def parse(cls, text: str) -> "EarlyStop":
        """Parses `METRIC` or `METRIC:PATIENCE`.

        Raises:
            WrongUsageError: The patience is not a positive integer.
        """
        metric, _, patience = text.partition(":")
        if patience and (not patience.isdecimal() or int(patience) == 0):
            raise WrongUsageError(
                "`--early-stop` must be METRIC or METRIC:PATIENCE with a patience of at least 1 epoch. "
                f"Received: {text!r}. Use e.g. val_psnr:5."
            )
        return cls(metric.strip(), int(patience or DEFAULT_PATIENCE))

    def check(self, metrics: Iterable[str]) -> None:
        """Raises `UnknownNameError` unless the metric is one of these."""
        if self.metric not in metrics:
            raise UnknownNameError("metric to stop by", self.metric, metrics)

    def is_due(self, epochs: Sequence[Mapping[str, float]]) -> bool:
        """Returns whether the training must stop after these epochs."""
        best = best_epoch(epochs, self.metric)
        return best is not None and len(epochs) - best >= self.patience


def is_smaller_better(metric: str) -> bool:
    """Returns whether smaller values of a metric are better.

    Example:

    >>> is_smaller_better("val_loss"), is_smaller_better("val_psnr")
    (True, False)
    """
    return any(part in metric for part in SMALLER_IS_BETTER)


def best_epoch(epochs: Sequence[Mapping[str, float]], metric: str) -> int | None:
    """Returns the number, from 1, of the first epoch with the best value; None if no epoch has the metric.

    Args:
        epochs: The metrics of all epochs, in order.
        metric: Name of the metric.

    Example:

    >>> best_epoch([{"val_loss": 2.0}, {"val_loss": 1.0}, {"val_loss": 1.5}], "val_loss")
    2
    """
    sign = -1 if is_smaller_better(metric) else 1
    values = [(sign * line[metric], -number) for number, line in enumerate(epochs, 1) if metric in line]
    return -max(values)[1] if values else None
