"""Runs a job of a command: in this process, or as an Apache Beam pipeline."""

import dataclasses
from collections.abc import Callable

import click

from serving.jobs.photo_job import JobOptions, run_photo_job
from serving.pictures.source import PictureSource
from serving.pictures.task import PhotoTask, SourceOptions
from zoo import __version__


def run_job(
    options: JobOptions, source_options: SourceOptions, make_task: Callable[[PictureSource], PhotoTask]
) -> None:
    """Converts photos and writes the results, as `run_photo_job` says.

    Raises:
        click.UsageError: Beam is asked for and not installed.
    """
    provenance = options.writing.provenance
    if provenance is not None:
        line = f"{provenance}, {source_options.describe()}, product-image-zoo {__version__}"
        options = dataclasses.replace(options, writing=dataclasses.replace(options.writing, provenance=line))
    if options.signing is not None:
        options.signing.check()
    if options.beam_arguments is None or options.dry_run:
        run_photo_job(options, source_options, make_task)
        return
    try:
        from serving.jobs.beam_job import run_beam_job
    except ImportError as error:
        raise click.UsageError(
            f"--runner beam needs Apache Beam. Received: {error}. Install it by "
            '`pip install "product-image-zoo[beam]"`.'
        ) from error
    run_beam_job(options, source_options, make_task, options.beam_arguments)
