"""Picks the batching setting that pays from what was measured."""

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from serving.batching_setting import Setting
from serving.bench import Measurement

# Batching makes a lone client wait, so that it must be worth something to the many.
WORTHWHILE_RATIO = 1.1
# Settings that are as good as the best within what two measurements of one setting differ by.
TOLERANCE = 0.03


@dataclass(frozen=True)
class Choice:
    """The setting that pays.

    Attributes:
        setting: The setting.
        ratio: Requests a second of many clients against those without batching, the geometric mean of all
            models and protocols.
        ratios: The same for every setting.
    """

    setting: Setting
    ratio: float
    ratios: dict[Setting, float]


def choose(measurements: Iterable[Measurement]) -> Choice:
    """Returns the setting that serves many clients best, or `off` where none is worth its wait.

    Args:
        measurements: Those of `off` among them; of several of one kind, the median counts.
    """
    measurements = list(measurements)
    rates, waits = _by_kind(measurements)
    failed = {m.setting for m in measurements if m.load.num_failed}
    off = Setting()
    ratios = {}
    for setting in dict.fromkeys(m.setting for m in measurements):
        of_kinds = [rates[setting][kind] / rates[off][kind] for kind in rates[off] if rates[off][kind]]
        ratios[setting] = statistics.geometric_mean(of_kinds) if all(of_kinds) and of_kinds else 0.0
    usable = {setting: ratio for setting, ratio in ratios.items() if setting not in failed | {off}}
    best = max(usable.values(), default=0.0)
    if best < WORTHWHILE_RATIO and off not in failed:
        return Choice(off, 1.0, ratios)
    good = [setting for setting, ratio in usable.items() if ratio >= best * (1 - TOLERANCE)]
    chosen = min(good, key=lambda setting: waits[setting], default=off)
    return Choice(chosen, ratios[chosen], ratios)


def _by_kind(measurements):
    """Returns per setting: requests a second of the most clients by model and protocol; p50 of the fewest."""
    numbers = sorted({m.num_clients for m in measurements})
    rates, waits = {}, {}
    for setting in {m.setting for m in measurements}:
        own = [m for m in measurements if m.setting == setting]
        kinds = {(m.request.model_name, m.protocol) for m in own}
        rates[setting] = {kind: _median_rate(own, kind, numbers[-1]) for kind in kinds}
        few = [m.load.milliseconds[50] for m in own if m.num_clients == numbers[0]]
        waits[setting] = math.fsum(few) / len(few)
    return rates, waits


def _median_rate(measurements, kind, num_clients):
    return statistics.median(
        m.load.requests_per_second
        for m in measurements
        if (m.request.model_name, m.protocol) == kind and m.num_clients == num_clients
    )
