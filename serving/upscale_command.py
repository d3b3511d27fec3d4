"""`zoo upscale`, which enlarges photos."""

import click

from serving.jobs.options import PhotoCommand, job_options, photos_argument
from serving.pictures.source import source_options
from serving.pictures.strength_option import OFF, to_strength_or_off

FACTORS = (2, 3, 4)


@click.command(cls=PhotoCommand, example="zoo upscale photo.jpg --factor 2 --output large")
@photos_argument
@source_options
@click.option(
    "--factor",
    type=click.Choice([str(factor) for factor in FACTORS]),
    help="Enlargement of each side.  [default: 2]",
)
@click.option(
    "--clean",
    "strength",
    metavar="[auto|off|0..1]",
    default=OFF,
    show_default=True,
    callback=to_strength_or_off,
    help="Remove JPEG blocks and noise first, which would be enlarged, too; `auto`: as each photo needs.",
)
@job_options("upscaled")
def command(job, server, access, model, run, preset, factor, strength):
    """Enlarge photos, or folders of them, 2, 3 or 4 times.

    Without --server, --run or --preset, uses the factor's preset, ecbsr_x2 to ecbsr_x4. With --server and
    without --model, uses the server's model of that name, or else fsrcnn_x2 or srcnn_x2 (by factor). --clean
    uses the preset clean_photos, or the server's model clean.
    """
    from serving.jobs.run_job import run_job
    from serving.pictures.cleaning import PRESET, Cleaning
    from serving.pictures.task import SourceOptions
    from serving.pictures.upscaling import Upscaling, check_factor

    suffix = f"x{factor or 2}"
    models = tuple(f"{name}_{suffix}" for name in ("ecbsr", "fsrcnn", "srcnn"))
    cleaning, cleaner = None, None
    if strength != OFF:
        cleaning = Cleaning(strength)
        cleaner = SourceOptions(
            server, access, None, None, None if server else PRESET, ("clean",), default_preset=PRESET
        )
    source_options = SourceOptions(
        server, access, model, run, preset, models, default_preset=models[0], beside=cleaner
    )

    def make_task(source) -> Upscaling:
        source.input_names("upscale_png")
        if factor is not None:
            check_factor(source, int(factor))
        return Upscaling(int(factor or 2), cleaning)

    run_job(job, source_options, make_task)
