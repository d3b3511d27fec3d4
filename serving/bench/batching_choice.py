"""Chooses the best batching setting from measurements."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from serving.bench.batching_setting import Setting
from serving.bench.measure import Measurement

# Batching makes a lone client wait, so it must gain this much for many clients.
WORTHWHILE_RATIO = 1.1
# Settings within this share of the best count as equal, because repeated measurements differ by as much.
TOLERANCE = 0.03


@dataclass(frozen=True)
class Choice:
    """The chosen batching setting and the ratios that led to it.

    Attributes:
        setting: The chosen setting.
        ratio: Many clients' requests per second relative to those without batching, as the geometric mean
            over all models and protocols.
        ratios: The same ratio for every setting.
    """

    setting: Setting
    ratio: float
    ratios: dict[Setting, float]


def choose(measurements: Iterable[Measurement]) -> Choice:
    """Returns the setting that serves many clients best, or `off` if no setting is worth its wait.

    Args:
        measurements: Measurements of every setting, including `off`; repeated ones count by their median.
    """
    measurements = list(measurements)
    by_setting: dict[Setting, list[Measurement]] = {}
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
    """Returns requests per second relative to a baseline, as the geometric mean over models and protocols.

    Args:
        measurements: Repeated ones of the same model and protocol count by their median.
        baseline: Measurements of the same loads; a load without any answer is left out.
        num_clients: Uses only loads with this number of clients.
    """
    rates, base = _rates(measurements, num_clients), _rates(baseline, num_clients)
    ratios = [rates[kind] / base[kind] for kind in base if base[kind]]
    return statistics.geometric_mean(ratios) if all(ratios) and ratios else 0.0


def _rates(measurements, num_clients) -> dict:
    of_kinds: dict[tuple[str, str], list[float]] = {}
    for m in measurements:
        if m.num_clients == num_clients:
            of_kinds.setdefault((m.request.model_name, m.protocol), []).append(m.load.requests_per_second)
    return {kind: statistics.median(rates) for kind, rates in of_kinds.items()}


def _wait(measurements, num_clients) -> float:
    """Returns the mean p50 latency, in milliseconds, of the loads with `num_clients` clients."""
    return statistics.fmean(m.load.milliseconds[50] for m in measurements if m.num_clients == num_clients)
