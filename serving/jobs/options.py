"""Arguments and options of all commands that take photos."""

import functools
from pathlib import Path
from typing import Any

import click

from zoo.cli import ZooCommand
from zoo.command_line.output_path import OutputPath

FORMATS = ("same", "png", "jpeg", "webp", "avif", "tiff")
RUNNERS = ("local", "beam")
_FILE_URL = "file://"
_META_KEY = "zoo.jobs.beam_arguments"


class PhotoCommand(ZooCommand):
    """A command that takes photos; with `--runner beam`, what follows `--` are Beam's own options."""

    def parse_args(self, context, arguments):
        context.meta[_META_KEY] = ()
        if "--" in arguments and _names_beam(arguments[: arguments.index("--")]):
            end = arguments.index("--")
            context.meta[_META_KEY] = tuple(arguments[end + 1 :])
            arguments = arguments[:end]
        return super().parse_args(context, arguments)


def _names_beam(arguments) -> bool:
    pairs = zip(arguments, arguments[1:], strict=False)
    return "--runner=beam" in arguments or ("--runner", "beam") in pairs


class _OrUrl(click.ParamType):
    """A path of some type, or a URL, which remains text."""

    name = "path"

    def __init__(self, path_type: click.ParamType):
        self._path_type = path_type

    def convert(self, value: Any, param, ctx):
        if isinstance(value, str) and "://" in value:
            if not value.startswith(_FILE_URL):
                return value
            value = value.removeprefix(_FILE_URL)
        return self._path_type.convert(value, param, ctx)


photos_argument = click.argument(
    "photos",
    metavar="PHOTO...",
    nargs=-1,
    required=True,
    type=_OrUrl(click.Path(exists=True, path_type=Path)),
)

overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace results that exist; without it they are an error."
)

quality_option = click.option(
    "--quality", type=click.IntRange(1, 100), help="Of JPEG, WebP and AVIF.  [default: 95, AVIF 90]"
)

provenance_option = click.option(
    "--provenance/--no-provenance",
    default=True,
    help="State this command and its model in the metadata.  [default: provenance]",
)


def job_options(default_output: str):
    """Adds the options of a job to a command, which gets them as `job`, a `JobOptions`."""

    def decorate(function):
        for option in reversed(_options(default_output)):
            function = option(function)
        return _collected(function, default_output)

    return decorate


def _options(default_output: str):
    return (
        click.option(
            "--output",
            type=_OrUrl(OutputPath(is_directory=True)),
            default=default_output,
            show_default=True,
            help="Directory to write the results to, under the photos' own names.",
        ),
        click.option(
            "--format",
            "file_format",
            type=click.Choice(FORMATS),
            default="same",
            show_default=True,
            help="Kind of file; PNG where it cannot hold the result, such as transparency in JPEG.",
        ),
        quality_option,
        click.option(
            "--strip",
            is_flag=True,
            help="Leave out metadata, resolution and colour profile; convert to sRGB.",
        ),
        provenance_option,
        click.option(
            "--sign",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="CERTIFICATE",
            help="PEM file with a key and its certificates: sign the results as C2PA.",
        ),
        overwrite_option,
        click.option("--resume", is_flag=True, help="Take up a job that was stopped."),
        click.option(
            "--workers", type=click.IntRange(1, 64), help="Photos in hand at a time.  [default: processors]"
        ),
        click.option(
            "--runner",
            type=click.Choice(RUNNERS),
            default="local",
            show_default=True,
            help="beam: as an Apache Beam pipeline, with Beam's own options after --.",
        ),
        click.option("--dry-run", is_flag=True, help="Print the file names, and write nothing."),
        click.option("--verbose", is_flag=True, help="Print what is noteworthy about each photo."),
    )


def _collected(function, default_output):
    @functools.wraps(function)
    def command(
        photos,
        output,
        file_format,
        quality,
        strip,
        provenance,
        sign,
        overwrite,
        resume,
        workers,
        runner,
        dry_run,
        verbose,
        **arguments,
    ):
        from serving.jobs.photo_job import JobOptions
        from serving.jobs.signing import Signing
        from zoo.pictures.photo_writer import Writing

        context = click.get_current_context()
        output_url = output if isinstance(output, str) else ""
        job = JobOptions(
            photos=tuple(photo for photo in photos if isinstance(photo, Path)),
            output=Path(default_output) if output_url else output,
            writing=Writing(file_format, quality, strip, context.command_path if provenance else None),
            overwrite=overwrite,
            resume=resume,
            num_workers=workers,
            dry_run=dry_run,
            verbose=verbose,
            photo_urls=tuple(photo for photo in photos if isinstance(photo, str)),
            output_url=output_url,
            beam_arguments=context.meta[_META_KEY] if runner == "beam" else None,
            signing=None if sign is None else Signing(sign, context.command_path),
        )
        return function(job=job, **arguments)

    return command
