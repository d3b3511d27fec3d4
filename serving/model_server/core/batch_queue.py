"""Queues of batches that share threads; a batch runs once it is full or its first task has waited enough.

Sources:
    [TF] tensorflow/tensorflow, `core/kernels/batching_util/shared_batch_scheduler.h`
"""

import collections
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from serving.wire.status import (
    DeadlineExceeded,
    FailedPrecondition,
    ResourceExhausted,
    ServingError,
    Unavailable,
    from_exception,
)

# Errors for which no single row is to blame: time is up, memory is full, or the rows differ in size.
_OF_THE_WHOLE_BATCH = (DeadlineExceeded, FailedPrecondition, ResourceExhausted)


class Task:
    """A request, or a slice of one, that takes part in a run.

    Args:
        feeds: Arrays by tensor name, all with `num_rows` rows.
        num_rows: Number of rows.
        timeout_seconds: Remaining time for the response; None for no limit.
    """

    def __init__(self, feeds: Mapping[str, np.ndarray], num_rows: int, timeout_seconds: float | None):
        self.feeds = feeds
        self.num_rows = num_rows
        self._begin = time.monotonic()
        self._end = None if timeout_seconds is None else self._begin + timeout_seconds
        self._done = threading.Lock()
        self._done.acquire()
        # Set before the lock is released.
        self._result: list[np.ndarray] | ServingError

    def split(self, max_rows: int, first_rows: int) -> "list[Task]":
        """Slices the task into at most `max_rows` rows, the first slice into at most `first_rows`."""
        if self.num_rows <= max_rows:
            return [self]
        starts = [0, *range(first_rows, self.num_rows, max_rows)] if first_rows else None
        starts = starts or list(range(0, self.num_rows, max_rows))
        parts = []
        for start, end in zip(starts, [*starts[1:], self.num_rows], strict=True):
            feeds = {name: array[start:end] for name, array in self.feeds.items()}
            parts.append(Task(feeds, end - start, self.remaining_seconds()))
        return parts

    def waited_seconds(self) -> float:
        """Returns the time since the task was created."""
        return time.monotonic() - self._begin

    def remaining_seconds(self) -> float | None:
        """Returns the remaining time; None for no limit."""
        return None if self._end is None else self._end - time.monotonic()

    def finish(self, result: list[np.ndarray] | ServingError) -> None:
        """Hands the outputs or the error to the thread that waits in `outputs`."""
        self._result = result
        self._done.release()

    def outputs(self) -> list[np.ndarray]:
        """Waits for the outputs.

        Raises:
            ServingError: The run's error.
        """
        with self._done:
            if isinstance(self._result, ServingError):
                raise self._result
            return self._result


class _Batch:
    """The tasks that share one run."""

    def __init__(self, end: float):
        self.tasks: list[Task] = []
        self.num_rows = 0
        self.end = end

    def add(self, task):
        self.tasks.append(task)
        self.num_rows += task.num_rows


class BatchThreads:
    """Threads that take batches from queues in turn.

    Args:
        num_threads: Number of batches run at a time.
        name: Name in the metrics.
    """

    def __init__(self, num_threads: int, name: str):
        self.name = name
        self.changed = threading.Condition()
        # Queues that hold tasks, in the order of their turns.
        self.waiting: collections.deque[BatchQueue] = collections.deque()
        for number in range(num_threads):
            threading.Thread(target=self._run, name=f"batch-{number}", daemon=True).start()

    def _run(self):
        while True:
            with self.changed:
                queue, tasks = self._next()
            queue.run(tasks)
            # References kept while this thread sleeps would keep an unloaded version alive.
            del queue, tasks

    def _next(self) -> "tuple[BatchQueue, list[Task]]":
        while True:
            now = time.monotonic()
            soonest = None
            for _ in range(len(self.waiting)):
                queue = self.waiting.popleft()
                tasks = queue.take(now)
                if queue.batches:
                    self.waiting.append(queue)
                if tasks:
                    if self.waiting:
                        # Another thread must watch the batches that are not due yet.
                        self.changed.notify()
                    return queue, tasks
                end = queue.batches[0].end
                soonest = end if soonest is None else min(soonest, end)
            self.changed.wait(None if soonest is None else max(soonest - now, 0))


class BatchQueue:
    """The batches of one version with the same inputs and outputs.

    Args:
        process: Runs tasks together and returns each task's outputs.
        threads: The threads that run the batches.
        max_rows: Number of rows of a full batch.
        timeout_seconds: Time that a batch's first task waits for others.
        max_batches: Largest number of waiting batches; further tasks are refused.
    """

    def __init__(
        self,
        process: Callable[[Sequence[Task]], list[list[np.ndarray]]],
        threads: BatchThreads,
        max_rows: int,
        timeout_seconds: float,
        max_batches: int,
    ):
        self._process = process
        self._threads = threads
        self._max_rows = max_rows
        self._timeout_seconds = timeout_seconds
        self._max_batches = max_batches
        self.batches: collections.deque[_Batch] = collections.deque()

    def room(self) -> int:
        """Returns the number of rows that still fit into the last batch; 0 if there is no batch."""
        with self._threads.changed:
            return self._max_rows - self.batches[-1].num_rows if self.batches else 0

    def put(self, tasks: Sequence[Task]) -> None:
        """Queues all tasks or none of them.

        Raises:
            Unavailable: The queue is full.
        """
        with self._threads.changed:
            sizes = [task.num_rows for task in tasks]
            if len(self.batches) + self._num_new_batches(sizes) > self._max_batches:
                raise Unavailable(
                    "The batch scheduling queue to which this task was submitted is full; currently "
                    f"{len(self.batches)} batches enqueued and max_enqueued_batches is {self._max_batches}"
                )
            was_empty = not self.batches
            for task in tasks:
                if not self.batches or self.batches[-1].num_rows + task.num_rows > self._max_rows:
                    self.batches.append(_Batch(time.monotonic() + self._timeout_seconds))
                self.batches[-1].add(task)
            if was_empty:
                self._threads.waiting.append(self)
            self._threads.changed.notify()

    def take(self, now: float) -> list[Task] | None:
        """Returns the tasks of the first batch if it is due; the caller holds `threads.changed`."""
        first = self.batches[0]
        is_closed = len(self.batches) > 1 or first.num_rows >= self._max_rows
        return self.batches.popleft().tasks if is_closed or now >= first.end else None

    def run(self, tasks: list[Task]) -> None:
        """Runs a batch and hands each task its outputs or error.

        Unlike TF Serving, which fails every task of a failing run, this runs the halves of the batch again,
        so that one client's bad input never fails another's request. One bad task among many costs few runs.
        """
        try:
            outputs = self._process(tasks)
        except Exception as error:  # noqa: BLE001 - every error of a run becomes a response
            status = from_exception(error)
            if len(tasks) > 1 and not isinstance(status, _OF_THE_WHOLE_BATCH):
                middle = len(tasks) // 2
                self.run(tasks[:middle])
                self.run(tasks[middle:])
                return
            for task in tasks:
                # One error object per thread, because raising an error changes it.
                task.finish(type(status)(status.message))
            return
        for task, output in zip(tasks, outputs, strict=True):
            task.finish(output)

    def _num_new_batches(self, sizes):
        room = self._max_rows - self.batches[-1].num_rows if self.batches else 0
        count = 0
        for size in sizes:
            if size > room:
                count, room = count + 1, self._max_rows
            room -= size
        return count
