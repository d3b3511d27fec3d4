"""Decides from measurements whether a single thread per operation is faster.

Many clients keep all CPUs busy on their own; dividing each operation among threads then only adds cost.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from serving.bench.batching_choice import rate_ratio
from serving.bench.measure import Measurement

# A lone client then waits longer for large photos, so it must gain this much for many clients.
WORTHWHILE_RATIO = 1.05


@dataclass(frozen=True)
class ThreadsGain:
    """The gain of a single thread over TensorFlow's choice of threads.

    Attributes:
        ratios: Number of clients, fewest first, to requests per second relative to TensorFlow's choice, as
            the geometric mean over all models and protocols.
        ratios_of_rounds: Each round's ratio for the largest number of clients.
        has_failures: Whether a request failed with one thread.
    """

    ratios: dict[int, float]
    ratios_of_rounds: tuple[float, ...]
    has_failures: bool

    @property
    def is_worthwhile(self) -> bool:
        """Whether the largest number of clients gains enough, by the median over the rounds."""
        return list(self.ratios.values())[-1] >= WORTHWHILE_RATIO and not self.has_failures

    @property
    def pays(self) -> bool:
        """Whether the gain is worthwhile and no round contradicts it."""
        return self.is_worthwhile and min(self.ratios_of_rounds) > 1


def single_thread_gain(rounds: Sequence[Sequence[Measurement]]) -> ThreadsGain:
    """Compares measurements with a single thread to those with TensorFlow's choice.

    Args:
        rounds: Rounds that hold both kinds, under one batching setting; their median counts.
    """
    measurements = list(itertools.chain(*rounds))
    numbers = sorted({m.num_clients for m in measurements})
    return ThreadsGain(
        {number: _ratio(measurements, number) for number in numbers},
        tuple(_ratio(of_round, numbers[-1]) for of_round in rounds),
        any(m.load.num_failed for m in measurements if m.intra_op_parallelism == 1),
    )


def _ratio(measurements, num_clients) -> float:
    single = [m for m in measurements if m.intra_op_parallelism == 1]
    others = [m for m in measurements if m.intra_op_parallelism != 1]
    return rate_ratio(single, others, num_clients)
