"""Says whether one thread within an operation pays, from what was measured.

Many clients keep all CPUs busy by themselves; dividing each operation among threads then only costs.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from serving.batching_choice import rate_ratio
from serving.bench import Measurement

SINGLE_THREAD = 1
# A lone client waits longer for large pictures, so that it must be worth something to the many.
WORTHWHILE_RATIO = 1.05


@dataclass(frozen=True)
class ThreadsGain:
    """What one thread gains over TensorFlow's choice.

    Attributes:
        ratios: Requests a second against those with TensorFlow's choice, by number of clients, fewest first;
            the geometric mean of all models and protocols.
        pays: Whether it is worth it for the most clients, and no request failed.
    """

    ratios: dict[int, float]
    pays: bool


def single_thread_gain(measurements: Iterable[Measurement]) -> ThreadsGain:
    """Compares the measurements with one thread with the others.

    Args:
        measurements: Both kinds, under one batching setting; of several of one kind, the median counts.
    """
    measurements = list(measurements)
    single = [m for m in measurements if m.intra_op_parallelism == SINGLE_THREAD]
    others = [m for m in measurements if m.intra_op_parallelism != SINGLE_THREAD]
    numbers = sorted({m.num_clients for m in measurements})
    ratios = {number: rate_ratio(single, others, number) for number in numbers}
    has_failed = any(m.load.num_failed for m in single)
    return ThreadsGain(ratios, ratios[numbers[-1]] >= WORTHWHILE_RATIO and not has_failed)
