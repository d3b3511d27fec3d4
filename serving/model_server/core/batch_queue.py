"""Queues of batches that share threads: a batch is run when it is full, or when its first task waited enough.

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

# No row is to blame: the time is up, the memory is full, or the rows are not of one size.
_OF_THE_WHOLE_BATCH = (DeadlineExceeded, FailedPrecondition, ResourceExhausted)


class Task:
    """A request's part in a run, or a slice of it.

    Args:
        feeds: Arrays by tensor name, all of `num_rows` rows.
        num_rows: Rows.
        timeout_seconds: Time left for the answer; None for no limit.
    """

    def __init__(self, feeds: Mapping[str, np.ndarray], num_rows: int, timeout_seconds: float | None):
        self.feeds = feeds
        self.num_rows = num_rows
        self._begin = time.monotonic()
        self._end = None if timeout_seconds is None else self._begin + timeout_seconds
        self._done = threading.Lock()
        self._done.acquire()
        self._outputs: list[np.ndarray] | None = None
        self._error: ServingError | None = None

    def split(self, max_rows: int, first_rows: int) -> "list[Task]":
        """Returns slices of at most `max_rows` rows, the first of at most `first_rows`; itself if it fits."""
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
        """Returns the time since the task was made."""
        return time.monotonic() - self._begin

    def remaining_seconds(self) -> float | None:
        """Returns the time left; None for no limit."""
        return None if self._end is None else self._end - time.monotonic()

    def finish(self, outputs: list[np.ndarray] | None, error: ServingError | None) -> None:
        """Hands the answer to the thread that waits in `outputs`."""
        self._outputs, self._error = outputs, error
        self._done.release()

    def outputs(self) -> list[np.ndarray]:
        """Waits for the answer.

        Raises:
            ServingError: What the run raised.
        """
        with self._done:
            if self._error is not None:
                raise self._error
            return self._outputs


class _Batch:
    """Tasks that will share a run."""

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
        num_threads: Batches run at a time.
        name: For metrics.
    """

    def __init__(self, num_threads: int, name: str):
        self.name = name
        self.changed = threading.Condition()
        # Queues that hold tasks, the one whose turn is next first.
        self.waiting: collections.deque[BatchQueue] = collections.deque()
        for number in range(num_threads):
            threading.Thread(target=self._run, name=f"batch-{number}", daemon=True).start()

    def _run(self):
        while True:
            with self.changed:
                queue, tasks = self._next()
            queue.run(tasks)
            # Held while this thread sleeps, they would outlive a version that is unloaded.
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
                        # Somebody must watch over the batches that are not due yet.
                        self.changed.notify()
                    return queue, tasks
                end = queue.batches[0].end
                soonest = end if soonest is None else min(soonest, end)
            self.changed.wait(None if soonest is None else max(soonest - now, 0))


class BatchQueue:
    """The batches of one set of inputs and outputs of one version.

    Args:
        process: Runs tasks together, and returns the outputs of each.
        threads: Run the batches.
        max_rows: Rows of a full batch.
        timeout_seconds: How long the first task of a batch waits for others.
        max_batches: Batches that wait at most; further tasks are refused.
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
        """Returns the rows that the batch that still takes tasks has room for; 0 when there is none."""
        with self._threads.changed:
            return self._max_rows - self.batches[-1].num_rows if self.batches else 0

    def put(self, tasks: Sequence[Task]) -> None:
        """Queues all tasks, or none.

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
        """Runs a batch and hands each task its answer.

        TF Serving fails every task of a run that fails. Here it is run again in halves, so that what one
        client sends never fails another's request; one bad task among many costs few further runs.
        """
        try:
            outputs = self._process(tasks)
        except Exception as error:  # noqa: BLE001 - whatever a run raises is answered
            status = from_exception(error)
            if len(tasks) > 1 and not isinstance(status, _OF_THE_WHOLE_BATCH):
                middle = len(tasks) // 2
                self.run(tasks[:middle])
                self.run(tasks[middle:])
                return
            for task in tasks:
                # Each thread raises an error of its own: raising changes it.
                task.finish(None, type(status)(status.message))
            return
        for task, output in zip(tasks, outputs, strict=True):
            task.finish(output, None)

    def _num_new_batches(self, sizes):
        room = self._max_rows - self.batches[-1].num_rows if self.batches else 0
        count = 0
        for size in sizes:
            if size > room:
                count, room = count + 1, self._max_rows
            room -= size
        return count
