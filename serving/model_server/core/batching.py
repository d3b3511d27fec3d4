"""Dynamic batching, in which requests of different clients share a run, as in TF Serving's batching session.

Sources:
    [TFS] tensorflow/serving, `batching/batching_session.cc`, `batching/batching_util.cc`,
        `servables/tensorflow/bundle_factory_util.cc`
    [TF] tensorflow/tensorflow, `core/kernels/batching_util/shared_batch_scheduler.h`
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serving.model_server.core.batch_queue import BatchQueue, BatchThreads, Task
from serving.model_server.core.metrics import Metrics
from serving.wire import messages
from serving.wire.status import FailedPrecondition, InvalidArgument, ResourceExhausted
from serving.wire.text_proto import read_text_proto

PARAMETERS_FILE = "batching_params.pbtxt"
MAX_PADDED_RANK = 6


@dataclass(frozen=True)
class BatchingOptions:
    """The values of a `BatchingParameters` file, under its names and with TF Serving's defaults.

    Raises:
        InvalidArgument: A value breaks one of TF Serving's rules.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int = 0

    def __post_init__(self):
        if self.batch_timeout_micros < 0:
            raise InvalidArgument(
                f"batch_timeout_micros must be non-negative; was {self.batch_timeout_micros}"
            )
        if self.max_enqueued_batches <= 0:
            raise InvalidArgument(f"max_enqueued_batches must be positive; was {self.max_enqueued_batches}")
        last = self.allowed_batch_sizes[-1] if self.allowed_batch_sizes else self.largest_run
        if last != self.largest_run:
            raise InvalidArgument(
                "Last entry in allowed_batch_sizes must match max_batch_size; last entry was "
                f"{last}; expected {self.largest_run}"
            )

    @classmethod
    def from_proto(cls, parameters) -> "BatchingOptions":
        """Returns the options of a `BatchingParameters` message."""
        wrapped = (
            "max_batch_size",
            "batch_timeout_micros",
            "max_enqueued_batches",
            "enable_large_batch_splitting",
            "max_execution_batch_size",
        )
        given = {name: getattr(parameters, name).value for name in wrapped if parameters.HasField(name)}
        return cls(
            **given,
            allowed_batch_sizes=tuple(parameters.allowed_batch_sizes),
            pad_variable_length_inputs=parameters.pad_variable_length_inputs,
        )

    @property
    def largest_run(self) -> int:
        """Largest number of rows in a run."""
        if self.enable_large_batch_splitting and self.max_execution_batch_size:
            return self.max_execution_batch_size
        return self.max_batch_size

    def rows_of_run(self, num_rows: int) -> int:
        """Rounds a number of rows up to an allowed batch size."""
        return next((size for size in self.allowed_batch_sizes if size >= num_rows), num_rows)


class Batching:
    """Batching for all models, whose runs share one pool of threads.

    Args:
        parameters: A `BatchingParameters` message; None for TF Serving's defaults.
        per_model: Whether each version has its own parameters in `batching_params.pbtxt`; a version without
            this file is not batched.
        metrics: Metrics to update.

    Raises:
        InvalidArgument: A value breaks one of TF Serving's rules.

    Example:

    ```python
    batching = Batching(read_text_proto("batching.config", messages.BatchingParameters))
    session.share_runs(batching, version_dir)
    ```
    """

    def __init__(self, parameters=None, per_model: bool = False, metrics: Metrics | None = None):
        parameters = parameters or messages.BatchingParameters()
        num_threads = (
            parameters.num_batch_threads.value
            if parameters.HasField("num_batch_threads")
            else os.cpu_count() or 1
        )
        if num_threads <= 0:
            raise InvalidArgument(f"num_batch_threads must be positive; was {num_threads}")
        self._options = BatchingOptions() if per_model else BatchingOptions.from_proto(parameters)
        self._per_model = per_model
        self._metrics = metrics or Metrics()
        self._threads = BatchThreads(num_threads, parameters.thread_pool_name.value or "batch_threads")

    def runner(self, run: Callable, path: Path) -> Callable:
        """Returns a version's replacement for `SavedModelSession.run`.

        Args:
            run: The session's own `run`.
            path: The version directory.

        Raises:
            InvalidArgument: The version's own parameters break a rule.
        """
        options = self._options
        if self._per_model:
            file = path / PARAMETERS_FILE
            if not file.exists():
                return run
            options = BatchingOptions.from_proto(read_text_proto(str(file), messages.BatchingParameters))
        return BatchingRunner(run, options, self._threads, self._metrics)


class BatchingRunner:
    """Runs one version for many requests at once, with one queue per set of inputs and outputs.

    Args:
        run: `SavedModelSession.run`.
        options: The batching options.
        threads: The threads that run all versions' batches.
        metrics: Metrics to update.
    """

    def __init__(self, run: Callable, options: BatchingOptions, threads: BatchThreads, metrics: Metrics):
        self._run = run
        self._options = options
        self._threads = threads
        self._metrics = metrics
        self._queues: dict[tuple, BatchQueue] = {}

    def __call__(
        self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str], timeout_seconds: float | None = None
    ) -> list[np.ndarray]:
        """Takes part in a run, with the arguments and errors of `SavedModelSession.run`.

        Raises:
            ServingError: The request breaks TF Serving's rules of batching, or the run fails.
        """
        num_rows = _num_rows(feeds)
        self._metrics.input_batch_size.add(num_rows)
        if num_rows > self._options.max_batch_size:
            raise InvalidArgument(
                f"Task size {num_rows} is larger than maximum input batch size {self._options.max_batch_size}"
            )
        if not num_rows:
            # Without rows there is nothing to share and nothing to fill a batch up with.
            return self._run(feeds, fetches, timeout_seconds)
        names = tuple(sorted(set(fetches)))
        task = Task(feeds, num_rows, timeout_seconds)
        # Separates types, so that the runtime refuses a wrong type only for its own request.
        types = tuple((name, feeds[name].dtype.str) for name in sorted(feeds))
        queue = self._queue((types, names))
        parts = task.split(self._options.largest_run, queue.room())
        queue.put(parts)
        outputs = [part.outputs() for part in parts]
        by_name = {
            name: outputs[0][index]
            if len(outputs) == 1
            else np.concatenate([output[index] for output in outputs])
            for index, name in enumerate(names)
        }
        return [by_name[name] for name in fetches]

    def check_rows(self, feeds: Mapping[str, np.ndarray]) -> None:
        """Raises `InvalidArgument` unless the arrays, by tensor name, are rows of one batch."""
        _num_rows(feeds)

    def _queue(self, key) -> BatchQueue:
        queue = self._queues.get(key)
        if queue is None:
            names = key[1]
            created = BatchQueue(
                lambda tasks: self._process(tasks, names),
                self._threads,
                self._options.largest_run,
                self._options.batch_timeout_micros / 1e6,
                self._options.max_enqueued_batches,
            )
            # If two threads create the queue at once, the first one's is used.
            queue = self._queues.setdefault(key, created)
        return queue

    def _process(self, tasks: Sequence[Task], names: Sequence[str]) -> list[list[np.ndarray]]:
        """Runs a batch and returns each task's outputs."""
        for task in tasks:
            self._metrics.queuing_latency.add(task.waited_seconds() * 1e6, self._threads.name)
        remaining = [task.remaining_seconds() for task in tasks]
        limits = [seconds for seconds in remaining if seconds is not None]
        timeout = max(limits) if len(limits) == len(tasks) else None
        if timeout is not None and timeout <= 0:
            raise ResourceExhausted("Run() timeout exceeded while waiting in batching queue")
        num_rows = sum(task.num_rows for task in tasks)
        num_run = self._options.rows_of_run(num_rows)
        self._metrics.padding_size.add(num_run - num_rows, str(num_run))
        self._metrics.processed_batch_size.add(num_run)
        feeds = {name: self._merged(name, tasks, num_run - num_rows) for name in tasks[0].feeds}
        self._metrics.wrapped_runs.add(1)
        outputs = self._run(feeds, names, timeout)
        for array in outputs:
            _check_rows(array, num_run)
        ends = np.cumsum([task.num_rows for task in tasks])
        return [
            [array[end - task.num_rows : end] for array in outputs]
            for task, end in zip(tasks, ends, strict=True)
        ]

    def _merged(self, name, tasks, num_added):
        arrays = [task.feeds[name] for task in tasks]
        if any(array.shape[1:] != arrays[0].shape[1:] for array in arrays):
            if not self._options.pad_variable_length_inputs:
                raise FailedPrecondition(
                    f"Tensors with name '{name}' from different tasks have different shapes and padding is "
                    "turned off. Set pad_variable_length_inputs to true, or ensure that all tensors with the "
                    "same name have equal dimensions starting with the first dim."
                )
            arrays = _padded(arrays)
        if num_added:
            # Fills up with copies of an existing row, which is as valid as the batch.
            arrays.append(np.repeat(arrays[-1][:1], num_added, axis=0))
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _num_rows(feeds: Mapping[str, np.ndarray]) -> int:
    if not feeds:
        raise InvalidArgument("Batching Run() must have at least one input tensor")
    if any(array.ndim == 0 for array in feeds.values()):
        raise InvalidArgument("Batching Run() input tensors must have at least one dimension")
    lengths = {len(array) for array in feeds.values()}
    if len(lengths) > 1:
        raise InvalidArgument("Batching Run() input tensors must have equal 0th-dimension size")
    return lengths.pop()


def _check_rows(array, num_rows):
    if array.ndim == 0:
        raise FailedPrecondition("Batched output tensor has 0 dimensions")
    if len(array) != num_rows:
        raise FailedPrecondition(
            "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the "
            "input tensors"
        )


def _padded(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Pads arrays to the largest of their sizes with each array's first element."""
    ranks = {array.ndim for array in arrays}
    if len(ranks) > 1 or max(ranks) > MAX_PADDED_RANK:
        raise InvalidArgument(
            f"Only tensors with rank from 1 to {MAX_PADDED_RANK} can be padded, all of one rank. "
            f"Received: ranks={sorted(ranks)}"
        )
    sizes = np.max([array.shape[1:] for array in arrays], axis=0)
    padded = []
    for array in arrays:
        width = [(0, 0), *((0, size - own) for size, own in zip(sizes, array.shape[1:], strict=True))]
        fill = array.flat[0] if array.size else 0
        padded.append(np.pad(array, width, constant_values=fill))
    return padded
