"""`zoo edit`, which changes attributes of photos."""

import click

from serving.jobs.options import PhotoCommand, job_options, photos_argument
from serving.pictures.attribute_options import AttributeCommand, attribute_inputs, check_wanted
from serving.pictures.source import source_options


class _EditCommand(PhotoCommand, AttributeCommand):
    """Takes photos and attributes."""


@click.command(
    cls=_EditCommand,
    example="zoo edit photo.jpg --server localhost:8500 --category sneaker --target-category sandal",
)
@photos_argument
@source_options
@job_options("edited")
def command(job, server, access, model, run, preset):
    """Change some attributes of photos and keep the rest.

    Each of the model's attributes is an option: --category states the value that a photo has (by default the
    model judges it), --target-category the value that the result is to have. With --server, the model is
    conditional_vae unless --model names another.
    """
    from serving.jobs.run_job import run_job
    from serving.pictures.editing import Editing
    from serving.pictures.task import SourceOptions

    def make_task(source) -> Editing:
        attributes = attribute_inputs(source, "edit_png", 1, ["image_bytes"])
        if not job.dry_run:
            check_wanted(attributes)
        return Editing({name: values[0] for name, values in attributes.items()})

    run_job(job, SourceOptions(server, access, model, run, preset, ("conditional_vae",)), make_task)
