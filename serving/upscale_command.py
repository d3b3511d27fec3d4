"""`zoo upscale`, which enlarges photos."""

import click

from serving.jobs.options import PhotoCommand, job_options, photos_argument
from serving.pictures.source import source_options

FACTORS = (2, 3, 4)


@click.command(cls=PhotoCommand, example="zoo upscale photo.jpg --factor 2 --output large")
@photos_argument
@source_options
@click.option(
    "--factor",
    type=click.Choice([str(factor) for factor in FACTORS]),
    help="Enlargement of each side.  [default: 2]",
)
@job_options("upscaled")
def command(job, server, access, model, run, preset, factor):
    """Enlarge photos, or folders of them, 2, 3 or 4 times.

    Without --server, --run or --preset, uses the factor's preset, fsrcnn_x2 to fsrcnn_x4. With --server and
    without --model, uses the server's model of that name, or else srcnn_x2 to srcnn_x4.
    """
    from serving.jobs.run_job import run_job
    from serving.pictures.task import SourceOptions
    from serving.pictures.upscaling import Upscaling, check_factor

    suffix = f"x{factor or 2}"
    models = (f"fsrcnn_{suffix}", f"srcnn_{suffix}")
    source_options = SourceOptions(server, access, model, run, preset, models, default_preset=models[0])

    def make_task(source) -> Upscaling:
        source.input_names("upscale_png")
        if factor is not None:
            check_factor(source, int(factor))
        return Upscaling(int(factor or 2))

    run_job(job, source_options, make_task)
