"""Remembers what a job has done, so that it can be resumed wherever it was killed.

The journal lies in the output directory, in `.zoo-job/`: `job.json` says what the job does, `journal.jsonl`
has a line for each photo that was begun and one for each that was finished.
"""

import contextlib
import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from serving.jobs.walk import FoundPhoto
from zoo.files.atomic_write import write_text
from zoo.files.file_lock import file_lock

DIRECTORY = ".zoo-job"


class Journal:
    """The journal of a job on one output directory; only the holder of its lock uses it.

    Args:
        output: Directory of the results.
        job: What determines the results, such as the command and its options; JSON values.
        resume: Whether to take up a job that was begun.

    Raises:
        click.UsageError: There is nothing to resume, or it is another job.
    """

    def __init__(self, output: Path, job: Mapping[str, Any], resume: bool):
        self._directory = output / DIRECTORY
        self._lock = threading.Lock()
        self._done: dict[str, dict] = {}
        # Places whose results this job wrote, or began to write.
        self._own: set[str] = set()
        self._has_results = False
        if resume:
            self._check_same(dict(job))
            self._read()
        else:
            with contextlib.suppress(FileNotFoundError):
                (self._directory / "journal.jsonl").unlink()
            write_text(self._directory / "job.json", json.dumps(job, indent=1, sort_keys=True) + "\n")
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._descriptor = os.open(self._directory / "journal.jsonl", flags, 0o644)

    def is_done(self, photo: FoundPhoto, output: Path) -> bool:
        """Returns whether a photo's results are written and the photo is the same as then."""
        line = self._done.get(str(photo.place))
        return (
            line is not None
            and line["stamp"] == _stamp(photo.path)
            and all(os.path.lexists(output / name) for name in line["results"])
        )

    def owns(self, place: str) -> bool:
        """Returns whether this job wrote, or began to write, the result of that place."""
        return place in self._own

    def begin(self, photo: FoundPhoto, results: Sequence[str]) -> None:
        """Notes that results are about to be written."""
        self._write({"begun": str(photo.place), "results": list(results)})

    def finish(self, photo: FoundPhoto, results: Sequence[str]) -> None:
        """Notes that a photo's results are written."""
        self._has_results = True
        self._write({"done": str(photo.place), "results": list(results), "stamp": _stamp(photo.path)})

    def close(self, is_kept: bool) -> None:
        """Closes the journal.

        Args:
            is_kept: Whether it is of use, if there are results at all; otherwise it is removed, and the
                output directory too if it is empty.
        """
        os.close(self._descriptor)
        if not is_kept or not self._has_results:
            shutil.rmtree(self._directory, ignore_errors=True)
            with contextlib.suppress(OSError):
                self._directory.parent.rmdir()

    def _write(self, line: dict) -> None:
        content = (json.dumps(line) + "\n").encode()
        with self._lock:
            os.write(self._descriptor, content)

    def _check_same(self, job: dict) -> None:
        try:
            begun = json.loads((self._directory / "job.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise click.UsageError(
                f"--resume takes up a job that was begun. Received: {self._directory.parent}, which has "
                "none. Leave --resume out."
            ) from error
        job = json.loads(json.dumps(job))
        names = [name for name in sorted({*begun, *job}) if begun.get(name) != job.get(name)]
        if names:
            then, now = begun.get(names[0]), job.get(names[0])
            raise click.UsageError(
                f"--resume needs the options of the job that was begun. Received: {names[0]} is {now!r}, and "
                f"was {then!r}. Give the same options, or leave --resume out and add --overwrite."
            )

    def _read(self) -> None:
        with contextlib.suppress(FileNotFoundError), open(self._directory / "journal.jsonl", "rb") as file:
            for text in file:
                # A killed process may leave half a line.
                with contextlib.suppress(ValueError):
                    line = json.loads(text)
                    self._own.update(line["results"])
                    self._has_results = True
                    if "done" in line:
                        self._done[line["done"]] = line


@contextlib.contextmanager
def sole_job(output: Path) -> Iterator[None]:
    """Holds the lock on an output directory during a job.

    Raises:
        click.UsageError: Another job writes to it.
    """

    def refuse(holder: str) -> None:
        raise click.UsageError(
            f"Only one job at a time can write to a directory. Received: {output}, to which {holder} is "
            "writing. Wait for it, or choose another --output."
        )

    directory = output / DIRECTORY
    directory.mkdir(parents=True, exist_ok=True)
    with file_lock(directory / "lock", on_held=refuse):
        yield


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
