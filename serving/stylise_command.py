"""`zoo stylise`, which redraws photos in a style."""

import click

from serving.jobs.options import PhotoCommand, job_options, photos_argument
from serving.pictures.source import source_options
from zoo.command_line.numbers import Number


@click.command(
    cls=PhotoCommand, example="zoo stylise photo.jpg --style waves --keep product --output stylised"
)
@photos_argument
@source_options
@click.option(
    "--style",
    required=True,
    metavar="NAME",
    help="The style: a name, or several with their shares, such as waves:3+mosaic:1. "
    "`zoo presets` lists a preset's styles.",
)
@click.option(
    "--strength",
    type=Number(0, 1),
    default=1.0,
    show_default=True,
    help="How much of the style: 0 changes nothing.",
)
@click.option(
    "--keep",
    type=click.Choice(["nothing", "product"]),
    default="nothing",
    show_default=True,
    help="Leave the product as it is, and redraw the ground alone.",
)
@job_options("stylised")
def command(job, server, access, model, run, preset, style, strength, keep):
    """Redraw photos in the style of a picture, at their own size.

    Without --server, --run or --preset, uses the preset styles. With --server, the model is stylise unless
    --model names another. --keep product uses the preset cutout_products too, or the server's model cutout.
    """
    from serving.jobs.run_job import run_job
    from serving.pictures.cutting_out import PRESET as CUTOUT_PRESET
    from serving.pictures.stylising import PRESET, PRODUCT, Stylising, check_style
    from serving.pictures.task import SourceOptions

    cutter = None
    if keep == PRODUCT:
        cutter = SourceOptions(
            server, access, None, None, None if server else CUTOUT_PRESET, ("cutout",), CUTOUT_PRESET
        )

    def make_task(source) -> Stylising:
        source.input_names("stylise_png")
        check_style(source, style)
        return Stylising(style, strength, keep)

    run_job(
        job,
        SourceOptions(server, access, model, run, preset, ("stylise",), PRESET, beside=cutter),
        make_task,
    )
