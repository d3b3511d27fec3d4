"""Reads photos in several processes, in row order and with bounded memory."""

import collections
import concurrent.futures
import contextlib
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterable, Iterator

from training.data.catalog.photo import Photo, PhotoSettings, read_photo
from training.data.catalog.quarantine import UnreadableRowError
from zoo.command_line.processors import usable_processors

_CHUNK_PHOTOS = 32
# Number of chunks queued per process, enough to keep it busy while another one is slow.
_CHUNKS_AHEAD = 3
# Fewer photos are read sooner than processes would start.
_MIN_PARALLEL_PHOTOS = 300
_MAX_WORKERS = 16


def default_num_workers() -> int:
    """Returns the number of processors that this process may use."""
    return min(usable_processors(), _MAX_WORKERS)


def read_photos(
    files: Iterable[str], settings: PhotoSettings, num_workers: int
) -> Generator[Photo | UnreadableRowError, None, None]:
    """Reads photos in several processes.

    A small number of photos is read in this process. The number of photos in memory is bounded. The worker
    processes end with the iterator, or when this process dies.

    Args:
        files: The photos' paths as written in the table, consumed lazily.
        settings: How to check and convert them.
        num_workers: Number of processes.

    Yields:
        For each file, in order, the photo or the error that says why it was refused.

    Raises:
        RuntimeError: If a process died, e.g. for lack of memory; the message names the photos it was reading.
    """
    files = iter(files)
    few = list(itertools.islice(files, _MIN_PARALLEL_PHOTOS))
    if len(few) < _MIN_PARALLEL_PHOTOS or num_workers < 2:
        yield from (_read(file, settings) for file in itertools.chain(few, files))
        return
    files = itertools.chain(few, files)
    chunks = iter(lambda: list(itertools.islice(files, _CHUNK_PHOTOS)), [])
    waiting: collections.deque[tuple[list[str], concurrent.futures.Future]] = collections.deque()
    # Spawned: a fork of a process whose threads run TensorFlow may hang.
    pool = concurrent.futures.ProcessPoolExecutor(
        num_workers, multiprocessing.get_context("spawn"), initializer=_watch_parent
    )
    try:
        for chunk in chunks:
            with _interrupts_kept_from_children():
                waiting.append((chunk, pool.submit(_read_chunk, chunk, settings)))
            if len(waiting) >= num_workers * _CHUNKS_AHEAD:
                yield from _take(*waiting.popleft())
        while waiting:
            yield from _take(*waiting.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _take(chunk: list[str], future: concurrent.futures.Future) -> list[Photo | UnreadableRowError]:
    try:
        return future.result()
    except concurrent.futures.process.BrokenProcessPool as error:
        raise RuntimeError(
            "The processes that read photos must run to the end. Received: one was killed or ran out of "
            f"memory at or soon after {chunk[0]!r} to {chunk[-1]!r}. Free some memory, or remove the photo "
            "that causes it, and build again."
        ) from error


def _read_chunk(files: list[str], settings: PhotoSettings) -> list[Photo | UnreadableRowError]:
    return [_read(file, settings) for file in files]


def _read(file: str, settings: PhotoSettings) -> Photo | UnreadableRowError:
    try:
        return read_photo(file, settings)
    except UnreadableRowError as error:
        return UnreadableRowError(error.reason, error.detail)  # without its cause, which may not pickle


@contextlib.contextmanager
def _interrupts_kept_from_children() -> Iterator[None]:
    """Makes processes started in this context ignore Ctrl-C, which reaches the whole process group."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _watch_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
