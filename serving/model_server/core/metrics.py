"""The server's counters and histograms, under TF Serving's names, and their page for Prometheus.

Sources:
    [TFS] tensorflow/serving, `util/prometheus_exporter.cc`, `servables/tensorflow/util.cc`,
        `servables/tensorflow/saved_model_warmup_util.cc`, `batching/batching_session.cc`,
        `batching/batching_util.h`
"""

import bisect
import contextlib
import threading
import time
from collections.abc import Iterator, Sequence

from serving.wire.status import from_exception

# Whatever labels clients bring about must not fill the memory.
MAX_SERIES = 1000
# Clients may request models that do not exist. Unlike in TF Serving, all of these count under one name.
UNKNOWN_MODEL = "(unknown)"


def exponential_buckets(first: float, factor: float, count: int) -> tuple[float, ...]:
    """Returns the upper limits of a histogram's buckets, except the last one, which is infinite."""
    return tuple(first * factor**power for power in range(count))


class Counter:
    """A sum by labels.

    Args:
        name: TF Serving's name, e.g. `"/tensorflow/serving/request_count"`.
        labels: Names of the labels.

    Example:

    >>> requests = Counter("/tensorflow/serving/request_count", "model_name", "status")
    >>> requests.add(1, "dcgan", "OK")
    >>> print("\\n".join(requests.lines()))
    # TYPE :tensorflow:serving:request_count counter
    :tensorflow:serving:request_count{model_name="dcgan",status="OK"} 1
    """

    def __init__(self, name: str, *labels: str):
        self.name = name.replace("/", ":")
        self._labels = labels
        self._lock = threading.Lock()
        self._sums: dict[tuple[str, ...], float] = {}

    def add(self, value: float, *labels: str) -> None:
        """Adds a value to the sum for the given label values."""
        with self._lock:
            if labels in self._sums or len(self._sums) < MAX_SERIES:
                self._sums[labels] = self._sums.get(labels, 0) + value

    def total(self) -> float:
        """Returns the sum over all labels."""
        with self._lock:
            return sum(self._sums.values())

    def lines(self) -> list[str]:
        """Returns the lines of Prometheus' text format."""
        with self._lock:
            sums = sorted(self._sums.items())
        return [
            f"# TYPE {self.name} counter",
            *(f"{self.name}{_labels(self._labels, values)} {_number(total)}" for values, total in sums),
        ]


class Histogram:
    """A distribution by labels.

    Args:
        name: As for `Counter`.
        labels: As for `Counter`.
        buckets: Upper limits, ascending.
    """

    def __init__(self, name: str, *labels: str, buckets: Sequence[float]):
        self.name = name.replace("/", ":")
        self._labels = labels
        self._buckets = buckets
        self._lock = threading.Lock()
        # Each series holds the buckets' counts, the infinite bucket last, and the sum.
        self._series: dict[tuple[str, ...], tuple[list[int], list[float]]] = {}

    def add(self, value: float, *labels: str) -> None:
        """Adds a value to the distribution for the given label values."""
        with self._lock:
            if labels not in self._series:
                if len(self._series) >= MAX_SERIES:
                    return
                self._series[labels] = ([0] * (len(self._buckets) + 1), [0.0])
            counts, total = self._series[labels]
            # TensorFlow's buckets exclude their upper limit.
            counts[bisect.bisect_right(self._buckets, value)] += 1
            total[0] += value

    def lines(self) -> list[str]:
        """Returns the lines of Prometheus' text format."""
        with self._lock:
            series = [(labels, list(counts), total[0]) for labels, (counts, total) in self._series.items()]
        limits = (*map(_number, self._buckets), "+Inf")
        lines = [f"# TYPE {self.name} histogram"]
        for values, counts, total in sorted(series):
            number = 0
            for limit, count in zip(limits, counts, strict=True):
                number += count
                labels = _labels((*self._labels, "le"), (*values, limit))
                lines.append(f"{self.name}_bucket{labels} {number}")
            labels = _labels(self._labels, values)
            lines += [f"{self.name}_sum{labels} {_number(total)}", f"{self.name}_count{labels} {number}"]
        return lines


class Metrics:
    """All metrics of a server; times are in microseconds.

    Attributes:
        known_models: Names of the models in the server's configuration; None to take every name for known.
    """

    def __init__(self):
        self.known_models: frozenset[str] | None = None
        serving, batching = "/tensorflow/serving", "/tensorflow/serving/batching_session"
        microseconds = exponential_buckets(10, 1.8, 33)
        rows = exponential_buckets(1, 2, 14)
        self.requests = Counter(f"{serving}/request_count", "model_name", "status")
        self.request_latency = Histogram(
            f"{serving}/request_latency", "model_name", "API", "entrypoint", buckets=microseconds
        )
        self.runtime_latency = Histogram(
            f"{serving}/runtime_latency", "model_name", "API", "runtime", buckets=microseconds
        )
        self.example_counts = Histogram(
            f"{serving}/request_example_counts", "model", buckets=exponential_buckets(1, 2, 15)
        )
        self.examples = Counter(f"{serving}/request_example_count_total", "model")
        self.warmup_latency = Histogram(
            f"{serving}/model_warmup_latency", "model_path", "status", buckets=microseconds
        )
        self.warmup_records = Counter(f"{serving}/model_warmup_records_read", "model_path", "status")
        self.queuing_latency = Histogram(
            f"{batching}/queuing_latency", "thread_pool_name", buckets=exponential_buckets(100, 1.2, 52)
        )
        self.wrapped_runs = Counter(f"{batching}/wrapped_run_count")
        self.input_batch_size = Histogram(f"{batching}/input_batch_size", buckets=rows)
        self.padding_size = Histogram(f"{batching}/padding_size", "execution_batch_size", buckets=rows)
        self.processed_batch_size = Histogram(f"{batching}/processed_batch_size", buckets=rows)

    @contextlib.contextmanager
    def request(self, model_name: str, api: str, entrypoint: str) -> Iterator[None]:
        """Counts a `with` block as one request, and times it if it succeeds."""
        if model_name and self.known_models is not None and model_name not in self.known_models:
            model_name = UNKNOWN_MODEL
        begin = time.perf_counter()
        try:
            yield
        except Exception as error:
            self.requests.add(1, model_name, from_exception(error).name)
            raise
        self.requests.add(1, model_name, "OK")
        self.request_latency.add((time.perf_counter() - begin) * 1e6, model_name, api, entrypoint)

    def count_examples(self, model_name: str, num_examples: int) -> None:
        """Counts one request's `tf.Example`s."""
        self.example_counts.add(num_examples, model_name)
        self.examples.add(num_examples, model_name)

    def total(self, name: str) -> float:
        """Returns a counter's sum over all labels; 0 if no counter has the name."""
        counters = (metric for metric in vars(self).values() if isinstance(metric, Counter))
        return sum(counter.total() for counter in counters if counter.name == name.replace("/", ":"))

    def page(self) -> bytes:
        """Returns all metrics in Prometheus' text format."""
        metrics = [metric for metric in vars(self).values() if isinstance(metric, Counter | Histogram)]
        metrics.sort(key=lambda metric: metric.name)
        return ("\n".join(line for metric in metrics for line in metric.lines()) + "\n").encode()


def _labels(names, values) -> str:
    if not names:
        return "{}"
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{','.join(pairs)}}}"


def _escaped(value) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6g}"
