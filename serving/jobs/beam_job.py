"""Runs a job as an Apache Beam pipeline: on this machine, or on the workers of Flink, Dataflow and others.

Photos and results may lie in any file system that Beam knows, such as object stores.

Source: [Beam] Apache Beam Programming Guide, chapters 4 (transforms) and 14 (resources).
"""

import contextlib
import csv
import io
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath

import apache_beam as beam
import click
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.utils.shared import Shared

from serving.jobs.conversion import check_size, convert_photo, to_failure
from serving.jobs.failures import FILE_NAME, Failure, Failures
from serving.jobs.photo_job import JobOptions, planned_places
from serving.jobs.result_names import ResultNames, name_results
from serving.jobs.walk import FoundPhoto, find_photos, report_left_out
from serving.pictures.source import PictureSource
from serving.pictures.task import PhotoTask, SourceOptions
from zoo.command_line.processors import usable_processors
from zoo.errors import WrongUsageError
from zoo.pictures.limits import MAX_PIXELS
from zoo.pictures.photo_files import UnreadablePhotoError, open_photo
from zoo.pictures.photo_names import PHOTO_SUFFIXES

# Photos are handed to the model in batches of about so many pixels.
BATCH_PIXELS = MAX_PIXELS
_FAILED = "failed"


def run_beam_job(
    options: JobOptions,
    source_options: SourceOptions,
    make_task: Callable[[PictureSource], PhotoTask],
    arguments: Sequence[str],
) -> None:
    """Converts photos as a pipeline; parameters and errors are those of `run_photo_job`.

    Args:
        options: What all commands share.
        source_options: The model, which every worker opens once.
        make_task: As for `run_photo_job`.
        arguments: Options of Beam and its runner, such as `--runner=FlinkRunner`.
    """
    with source_options.open() as source:
        task = make_task(source)
    photos = _find(options)
    names = name_results(photos, task.endings)
    if options.resume:
        names = [one for one in names if not _is_done(one, options, task)]
        click.echo(f"{len(photos) - len(names):,} of {len(photos):,} photos are done already")
    pipeline_options = PipelineOptions(list(arguments), save_main_session=False)
    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    failed_path = FileSystems.join(_output(options), FILE_NAME)
    with beam.Pipeline(options=pipeline_options) as pipeline:
        made = (
            pipeline
            | "photos" >> beam.Create(names)
            | "to all workers" >> beam.Reshuffle()
            | "read" >> beam.ParDo(_Read()).with_outputs(_FAILED, main="read")
        )
        converted = (
            made["read"]
            | "batch"
            >> beam.BatchElements(
                # Equal, so that Beam does not search for a size: the model takes photos one by one.
                min_batch_size=BATCH_PIXELS,
                max_batch_size=BATCH_PIXELS,
                element_size_fn=lambda element: element[2],
            )
            | "convert"
            >> beam.ParDo(_Convert(task, source_options, options)).with_outputs(_FAILED, main="written")
        )
        _ = converted["written"] | "count" >> beam.combiners.Count.Globally() | "tell" >> beam.Map(_tell)
        _ = (
            (made[_FAILED], converted[_FAILED])
            | beam.Flatten()
            | "gather" >> beam.combiners.ToList()
            | "list" >> beam.Map(_write_failures, failed_path)
        )
    _report(failed_path)


class _Read(beam.DoFn):
    """Reads a photo's file; gives its names, bytes and number of pixels."""

    def process(self, names: ResultNames) -> Iterator:
        try:
            content = _read(names.photo.url or str(names.photo.path))
            width, height = open_photo(content).size
        except (UnreadablePhotoError, OSError) as error:
            yield beam.pvalue.TaggedOutput(_FAILED, to_failure(names.photo.path, error))
        else:
            yield names, content, width * height


class _Convert(beam.DoFn):
    """Converts batches of photos with one model per process, and writes the results."""

    def __init__(self, task: PhotoTask, source_options: SourceOptions, options: JobOptions):
        self._task, self._source_options, self._options = task, source_options, options
        self._shared = Shared()

    def setup(self) -> None:
        self._model = self._shared.acquire(lambda: _OpenModel(self._source_options))
        self._threads = ThreadPoolExecutor(self._options.num_workers or usable_processors())

    def teardown(self) -> None:
        self._threads.shutdown()

    def process(self, batch: Iterable) -> Iterator:
        for failure in self._threads.map(self._convert, batch):
            yield 1 if failure is None else beam.pvalue.TaggedOutput(_FAILED, failure)

    def _convert(self, element) -> Failure | None:
        names, content, _ = element
        try:
            made = convert_photo(
                content, names, self._task, self._model.source, self._options.writing, self._options.signing
            )
            for place, result in made.files:
                self._write(place, result)
        except Exception as error:  # noqa: BLE001 - raises again what is not the photo's fault
            return to_failure(names.photo.path, error)
        return None

    def _write(self, place: PurePath, content: bytes) -> None:
        path = FileSystems.join(_output(self._options), *place.parts)
        if not self._options.overwrite and not self._options.resume and FileSystems.exists(path):
            raise UnreadablePhotoError("its result exists already", f"{path}; add --overwrite")
        _write(path, content)


class _OpenModel:
    """An opened model, which stays open as long as the process."""

    def __init__(self, source_options: SourceOptions):
        self._stack = contextlib.ExitStack()
        self.source = self._stack.enter_context(source_options.open())


def _find(options: JobOptions) -> list[FoundPhoto]:
    found: list[FoundPhoto] = []
    if options.photos:
        walk = find_photos(options.photos, options.output)
        report_left_out(walk)
        found += walk.photos
    for url in options.photo_urls:
        pattern = url if "*" in url else url.rstrip("/") + "/**"
        (match,) = FileSystems.match([pattern])
        start = pattern.partition("*")[0]
        for metadata in match.metadata_list:
            place = PurePath(metadata.path.removeprefix(start))
            if place.suffix.lower() in PHOTO_SUFFIXES:
                found.append(FoundPhoto(Path(place), place, metadata.path))
    if not found:
        raise WrongUsageError(
            f"There must be photos to convert. Received: {', '.join(options.photo_urls)}, with none in it."
        )
    places = [photo.place for photo in found]
    if len(set(places)) < len(places):
        raise WrongUsageError("Photos of different folders must have different names. Convert them apart.")
    return found


def _output(options: JobOptions) -> str:
    return options.output_url or str(options.output)


def _is_done(names: ResultNames, options: JobOptions, task: PhotoTask) -> bool:
    places = planned_places(names, options, task)
    return all(FileSystems.exists(FileSystems.join(_output(options), *place.parts)) for place in places)


def _read(path: str) -> bytes:
    (match,) = FileSystems.match([path])
    if not match.metadata_list:
        raise UnreadablePhotoError("missing")
    check_size(match.metadata_list[0].size_in_bytes)
    with FileSystems.open(path, compression_type="uncompressed") as file:
        return file.read()


def _write(path: str, content: bytes) -> None:
    """Writes aside and renames, so that a result is there whole or not at all."""
    folder, _ = FileSystems.split(path)
    with contextlib.suppress(OSError):
        FileSystems.mkdirs(folder)
    temporary = f"{path}.writing"
    with FileSystems.create(temporary, compression_type="uncompressed") as file:
        file.write(content)
    FileSystems.rename([temporary], [path])


def _tell(count: int) -> None:
    click.echo(f"Wrote {count:,} pictures")


def _write_failures(failures: Sequence[Failure], path: str) -> None:
    if not failures:
        return
    all_failures = Failures()
    for failure in failures:
        all_failures.add(failure)
    _write(path, all_failures.to_csv())


def _report(failed_path: str) -> None:
    if not FileSystems.exists(failed_path):
        return
    failures = Failures()
    with FileSystems.open(failed_path, compression_type="uncompressed") as file:
        for row in csv.DictReader(io.StringIO(file.read().decode("utf-8", "surrogateescape"), newline="")):
            failures.add(Failure(Path(row["photo"]), row["reason"], row["detail"]))
    failures.show(Path(failed_path))
    raise click.ClickException(failures.describe(Path(failed_path)))
