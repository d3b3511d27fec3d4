"""`zoo clean`, which removes JPEG blocks and noise from photos."""

import click

from serving.jobs.options import PhotoCommand, job_options, photos_argument
from serving.pictures.source import source_options
from serving.pictures.strength_option import AUTO, to_strength


@click.command(cls=PhotoCommand, example="zoo clean photo.jpg --output clean")
@photos_argument
@source_options
@click.option(
    "--strength",
    metavar="[auto|0..1]",
    default=AUTO,
    show_default=True,
    callback=to_strength,
    help="The damage to expect: 0 changes nothing, 1 is JPEG at quality 5; `auto` estimates it.",
)
@job_options("cleaned")
def command(job, server, access, model, run, preset, strength):
    """Remove JPEG blocks, ringing and noise from photos, at their own size.

    How much is removed depends on the damage, which is estimated from each photo; photos without any are
    written as they are.

    Without --server, --run or --preset, uses the preset clean_photos. With --server, the model is clean
    unless --model names another.
    """
    from serving.jobs.run_job import run_job
    from serving.pictures.cleaning import PRESET, Cleaning
    from serving.pictures.task import SourceOptions

    def make_task(source) -> Cleaning:
        source.input_names("clean_png")
        return Cleaning(strength)

    run_job(job, SourceOptions(server, access, model, run, preset, ("clean",), PRESET), make_task)
