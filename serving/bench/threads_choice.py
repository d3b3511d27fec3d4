"""Says whether one thread within an operation pays, from what was measured.

Many clients keep all CPUs busy by themselves; dividing each operation among threads then only costs.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from serving.bench.batching_choice import rate_ratio
from serving.bench.measure import Measurement

# A lone client waits longer for large pictures, so that it must be worth something to the many.
WORTHWHILE_RATIO = 1.05


@dataclass(frozen=True)
class ThreadsGain:
    """What one thread gains over TensorFlow's choice.

    Attributes:
        ratios: Requests a second against those with TensorFlow's choice, by number of clients, fewest first;
            the geometric mean of all models and protocols.
        ratios_of_rounds: The same for the most clients in each round.
        has_failures: Whether a request failed with one thread.
    """

    ratios: dict[int, float]
    ratios_of_rounds: tuple[float, ...]
    has_failures: bool

    @property
    def is_worthwhile(self) -> bool:
        """Whether the most clients gain enough, as far as the median of the rounds says."""
        return list(self.ratios.values())[-1] >= WORTHWHILE_RATIO and not self.has_failures

    @property
    def pays(self) -> bool:
        """Whether it is worthwhile, and no round says the opposite."""
        return self.is_worthwhile and min(self.ratios_of_rounds) > 1


def single_thread_gain(rounds: Sequence[Sequence[Measurement]]) -> ThreadsGain:
    """Compares measurements with one thread with those with TensorFlow's choice.

    Args:
        rounds: Each with both kinds, under one batching setting; of all rounds, the median counts.
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
