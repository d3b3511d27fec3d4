"""Picks the batching setting that pays from what was measured."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from serving.bench.batching_setting import Setting
from serving.bench.measure import Measurement

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
    by_setting = {}
    for measurement in measurements:
        by_setting.setdefault(measurement.setting, []).append(measurement)
    numbers = sorted({m.num_clients for m in measurements})
    failed = {m.setting for m in measurements if m.load.num_failed}
    off = Setting()
    ratios = {setting: rate_ratio(own, by_setting[off], numbers[-1]) for setting, own in by_setting.items()}
    waits = {setting: _wait(own, numbers[0]) for setting, own in by_setting.items()}
    usable = {setting: ratio for setting, ratio in ratios.items() if setting not in failed | {off}}
    best = max(usable.values(), default=0.0)
    if best < WORTHWHILE_RATIO and off not in failed:
        return Choice(off, 1.0, ratios)
    good = [setting for setting, ratio in usable.items() if ratio >= best * (1 - TOLERANCE)]
    chosen = min(good, key=lambda setting: waits[setting], default=off)
    return Choice(chosen, ratios[chosen], ratios)


def rate_ratio(
    measurements: Iterable[Measurement], baseline: Iterable[Measurement], num_clients: int
) -> float:
    """Returns requests a second against those of a baseline, the geometric mean of models and protocols.

    Args:
        measurements: Of several of one model and protocol, the median counts.
        baseline: The same loads; one that was not answered at all is left out.
        num_clients: Only loads of so many clients.
    """
    rates, base = _rates(measurements, num_clients), _rates(baseline, num_clients)
    ratios = [rates[kind] / base[kind] for kind in base if base[kind]]
    return statistics.geometric_mean(ratios) if all(ratios) and ratios else 0.0


def _rates(measurements, num_clients) -> dict:
    of_kinds = {}
    for m in measurements:
        if m.num_clients == num_clients:
            of_kinds.setdefault((m.request.model_name, m.protocol), []).append(m.load.requests_per_second)
    return {kind: statistics.median(rates) for kind, rates in of_kinds.items()}


def _wait(measurements, num_clients) -> float:
    """Returns the mean p50 of so many clients."""
    return statistics.fmean(m.load.milliseconds[50] for m in measurements if m.num_clients == num_clients)
