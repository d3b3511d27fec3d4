"""Runs a job: reading, model and writing of several photos overlap, and memory stays bounded."""

import contextlib
import dataclasses
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath

import click
from tqdm import tqdm

from serving.jobs.conversion import Made, convert_photo, read_file, to_failure
from serving.jobs.failures import FILE_NAME, MAX_SHOWN, Failure, Failures, printable
from serving.jobs.journal import Journal, sole_job
from serving.jobs.result_names import ResultNames, check_absent, name_results
from serving.jobs.signing import Signing
from serving.jobs.walk import Walk, find_photos, report_left_out
from serving.pictures.source import PictureSource
from serving.pictures.task import PhotoTask, SourceOptions
from zoo.command_line.processors import usable_processors
from zoo.files.atomic_write import remove_unfinished, write_bytes
from zoo.pictures.doubt import DOUBTFUL
from zoo.pictures.limits import MAX_PIXELS
from zoo.pictures.photo import FORMATS
from zoo.pictures.photo_files import FIRST_BYTES, UnreadablePhotoError, format_of, open_photo
from zoo.pictures.photo_writer import OPAQUE_FORMATS, SAME, SUFFIXES, Writing

# Pixels of photos and their results that are in memory at a time; a single larger one is let through alone.
MAX_PIXELS_IN_HAND = 4 * MAX_PIXELS
# With more photos than this, only doubtful ones have a line of their own.
MAX_LINES = 50


@dataclasses.dataclass(frozen=True)
class JobOptions:
    """What all commands that take photos share.

    Args:
        photos: Photos and folders.
        output: Directory of the results.
        writing: How results are written.
        overwrite: Whether results that exist are replaced.
        resume: Whether to take up a job that was stopped.
        num_workers: Photos in hand at a time; by default one for each processor, or eight for a server.
        dry_run: Whether to print the results' names only.
        verbose: Whether to print what is noteworthy about each photo.
        photo_urls: Photos and folders elsewhere, which only Beam reads.
        output_url: Directory of the results, if it is elsewhere.
        beam_arguments: Beam's own options; None to run the job without Beam.
        signing: How results are signed; None leaves them unsigned.
    """

    photos: tuple[Path, ...]
    output: Path
    writing: Writing = Writing()
    overwrite: bool = False
    resume: bool = False
    num_workers: int | None = None
    dry_run: bool = False
    verbose: bool = False
    photo_urls: tuple[str, ...] = ()
    output_url: str = ""
    beam_arguments: tuple[str, ...] | None = None
    signing: Signing | None = None


def run_photo_job(
    options: JobOptions, source_options: SourceOptions, make_task: Callable[[PictureSource], PhotoTask]
) -> None:
    """Converts photos and writes the results; a bad photo does not stop the others.

    Args:
        options: What all commands share.
        source_options: The model.
        make_task: Checks that the model can do what is asked, and returns what to do with each photo.

    Raises:
        click.UsageError: A result exists already, another job writes to the directory, or there is nothing to
            resume.
        click.ClickException: Some photos could not be converted; the others were.
    """
    for url in (*options.photo_urls, options.output_url):
        if url:
            raise click.UsageError(
                "Photos and results must lie in this machine's folders, unless --runner beam is given. "
                f"Received: {url}. Copy them here, or add --runner beam."
            )
    walk = find_photos(options.photos, options.output)
    if not options.dry_run:
        _refuse_unreadable(options, walk)
    with source_options.open() as source:
        task = make_task(source)
        names = name_results(walk.photos, task.endings)
        if options.dry_run:
            for one in names:
                for place in planned_places(one, options, task):
                    click.echo(printable(str(options.output / place)))
            return
        report_left_out(walk)
        _check_targets(options, task, names)
        with sole_job(options.output):
            _run(options, task, source_options, source, walk, names)


def planned_places(names: ResultNames, options: JobOptions, task: PhotoTask) -> list[PurePath]:
    """Returns the paths of a photo's results, as far as its first bytes tell its format."""
    file_format = options.writing.file_format
    if file_format == SAME:
        file_format = _format_in_header(names.photo.path)
    if task.makes_transparent and file_format in OPAQUE_FORMATS:
        file_format = "png"
    return [
        names.place_of(ending, "png" if ending in task.png_endings else file_format)
        for ending in task.endings
    ]


def _format_in_header(path: Path) -> str:
    first_bytes = b""
    with contextlib.suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                first_bytes = file.read(FIRST_BYTES)
    file_format = FORMATS.get(format_of(first_bytes) or "", "png")
    return file_format if file_format in SUFFIXES else "png"


def _run(
    options: JobOptions,
    task: PhotoTask,
    source_options: SourceOptions,
    source: PictureSource,
    walk: Walk,
    names: Sequence[ResultNames],
) -> None:
    job = {**task.describe(), "model": source_options.describe(), **dataclasses.asdict(options.writing)}
    journal = Journal(options.output, job, options.resume)
    for folder in {one.photo.place.parent for one in names}:
        remove_unfinished(options.output / folder)
    is_finished = False
    try:
        remaining = [
            one for one in names if not (options.resume and journal.is_done(one.photo, options.output))
        ]
        if len(remaining) < len(names):
            click.echo(f"{len(names) - len(remaining):,} of {len(names):,} photos are done already")
        failures = Failures()
        for folder, reason in walk.unreadable_folders:
            failures.add(Failure(folder, "a folder that cannot be opened", reason))
        run = _Run(options, task, source, journal, failures)
        num_written = run.convert_all(remaining, num_workers=_num_workers(options, source_options))
        is_finished = not run.is_stopped
    finally:
        # Nobody resumes what is finished but for a folder, to which photos may be added.
        journal.close(is_kept=walk.has_folder or not is_finished)
    _report(options, failures, num_written, len(remaining), run.is_stopped)


def _refuse_unreadable(options: JobOptions, walk: Walk) -> None:
    """Raises `click.ClickException` if none of a few photos can be read, before the model is loaded."""
    failures = Failures()
    for photo in walk.photos if len(walk.photos) <= MAX_SHOWN else ():
        try:
            open_photo(read_file(photo.path))
        except (UnreadablePhotoError, OSError) as error:
            failures.add(to_failure(photo.path, error))
    if failures and len(failures) == len(walk.photos):
        _report(options, failures, 0, len(walk.photos), is_stopped=False)


def _check_targets(options: JobOptions, task: PhotoTask, names: Sequence[ResultNames]) -> None:
    """Raises `click.UsageError` if a result would replace a photo, another result, or a file that exists."""
    originals = {os.path.realpath(one.photo.path) for one in names}
    planned: dict[PurePath, Path] = {}
    existing = []
    for one in names:
        for place in planned_places(one, options, task):
            target = options.output / place
            if place in planned:
                raise click.UsageError(
                    f"Two results would have one name, {target}. Received: {planned[place]} and "
                    f"{one.photo.path}. Convert them into different `--output` directories."
                )
            planned[place] = one.photo.path
            if os.path.lexists(target):
                if os.path.realpath(target) in originals:
                    raise click.UsageError(
                        f"A result must not replace a photo. Received: {target}. Choose another `--output`."
                    )
                existing.append(target)
    if not options.overwrite and not options.resume:
        check_absent(existing, " or, to take up a job that was stopped, `--resume`")


def _num_workers(options: JobOptions, source_options: SourceOptions) -> int:
    return options.num_workers or (8 if source_options.server else usable_processors())


def _report(
    options: JobOptions, failures: Failures, num_written: int, num_photos: int, is_stopped: bool
) -> None:
    where = f" to {printable(str(options.output))}" if num_written else ""
    click.echo(f"Wrote {num_written:,} of {num_photos:,} pictures{where}")
    listed = options.output / FILE_NAME
    if failures:
        write_bytes(listed, failures.to_csv())
        failures.show(listed)
    elif options.overwrite or options.resume:
        listed.unlink(missing_ok=True)  # of the job before
    if is_stopped:
        raise click.ClickException("Stopped. The same command with --resume goes through the rest.")
    if failures:
        raise click.ClickException(failures.describe(listed))


class _Run:
    """Converts photos in several threads."""

    def __init__(
        self,
        options: JobOptions,
        task: PhotoTask,
        source: PictureSource,
        journal: Journal,
        failures: Failures,
    ):
        self._options, self._task, self._source = options, task, source
        self._journal, self._failures = journal, failures
        self._stop = threading.Event()
        self._room = _Room(MAX_PIXELS_IN_HAND)
        self._error: BaseException | None = None
        self._has_few_photos = True

    @property
    def is_stopped(self) -> bool:
        return self._stop.is_set()

    def convert_all(self, photos: Sequence[ResultNames], num_workers: int) -> int:
        """Returns the number of photos whose results were written."""
        self._has_few_photos = len(photos) <= MAX_LINES
        waiting: queue.SimpleQueue[ResultNames] = queue.SimpleQueue()
        for one in photos:
            waiting.put(one)
        finished: queue.SimpleQueue[tuple[ResultNames, list[str]] | None] = queue.SimpleQueue()
        threads = [
            threading.Thread(target=self._work, args=(waiting, finished), daemon=True)
            for _ in range(min(num_workers, max(len(photos), 1)))
        ]
        num_written = 0
        sizes = [_num_bytes(one.photo.path) for one in photos]
        with (
            self._signals(),
            tqdm(total=sum(sizes), unit="B", unit_scale=True, delay=2, smoothing=0.05) as bar,
        ):
            for thread in threads:
                thread.start()
            num_running = len(threads)
            while num_running:
                with contextlib.suppress(queue.Empty):
                    event = finished.get(timeout=0.5)  # so that signals are handled
                    if event is None:
                        num_running -= 1
                        continue
                    one, lines = event
                    num_written += bool(lines)
                    for line in lines[1:]:
                        bar.write(printable(line))
                    bar.set_description(
                        f"{num_written + len(self._failures):,} of {len(photos):,} photos", False
                    )
                    bar.update(_num_bytes(one.photo.path))
        if self._error is not None:
            raise self._error
        return num_written

    def _work(self, waiting: queue.SimpleQueue, finished: queue.SimpleQueue) -> None:
        try:
            while not self._stop.is_set():
                try:
                    one = waiting.get_nowait()
                except queue.Empty:
                    break
                finished.put((one, self._convert(one)))
        except BaseException as error:  # noqa: BLE001 - raised again by `convert_all`
            self._error = self._error or error
            self._stop.set()
        finally:
            finished.put(None)

    def _convert(self, one: ResultNames) -> list[str]:
        """Converts one photo; returns its name and lines to print, or nothing if it failed."""
        path = one.photo.path
        try:
            content = read_file(path)
            width, height = open_photo(content).size
            with self._room.take(round(width * height * (1 + self._task.growth))):
                made = convert_photo(
                    content, one, self._task, self._source, self._options.writing, self._options.signing
                )
                self._write(one, made)
        except Exception as error:  # noqa: BLE001 - raises again what is not the photo's fault
            self._failures.add(to_failure(path, error))
            return []
        return [str(path), *self._lines(path, made)]

    def _write(self, one: ResultNames, made: Made) -> None:
        places = [str(place) for place, _ in made.files]
        for name in places:
            target = self._options.output / name
            if os.path.lexists(target):
                if target.exists() and target.samefile(one.photo.path):
                    raise UnreadablePhotoError("its result would replace it", "choose another --output")
                if not self._options.overwrite and not self._journal.owns(name):
                    raise UnreadablePhotoError("its result exists already", f"{target}; add --overwrite")
        self._journal.begin(one.photo, places)
        status = one.photo.path.stat()
        for place, content in made.files:
            target = write_bytes(self._options.output / place, content)
            with contextlib.suppress(OSError, OverflowError):
                os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
        self._journal.finish(one.photo, places)

    def _lines(self, path: Path, made: Made) -> list[str]:
        lines = [f"{path}: {note}" for note in made.notes] if self._options.verbose else []
        confidence = made.converted.confidence
        if confidence is not None:
            is_doubtful = confidence < DOUBTFUL
            if is_doubtful or self._has_few_photos:
                doubt = f"  look at it: {made.converted.doubt}" if is_doubtful else ""
                lines.append(f"{path.name}: sure by {confidence:.2f}{doubt}")
        return lines

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Lets the photos in hand be finished at the first signal; the second one ends the process."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number, frame):
            if self._stop.is_set():
                raise KeyboardInterrupt
            self._stop.set()
            click.echo("\nFinishing the photos in hand ...", err=True)

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Room:
    """Limits the pixels in memory; what is larger than all of it waits until it is alone."""

    def __init__(self, num_pixels: int):
        self._all = self._free = num_pixels
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def take(self, num_pixels: int) -> Iterator[None]:
        wanted = min(num_pixels, self._all)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify_all()


def _num_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
