"""`zoo cutout`, which cuts the product out of photos."""

import re
from pathlib import Path

import click

from serving.jobs.options import PhotoCommand, job_options, photos_argument
from serving.pictures.size_option import size_option
from serving.pictures.source import source_options
from zoo.colour.basic_colours import GROUND_COLOURS

TRANSPARENT = "transparent"
SHADOWS = ("none", "soft", "keep")


def _to_background(context, parameter, text):
    """Returns None for a transparent ground, a colour's values, or the path of a picture."""
    word = text.strip().lower()
    if word == TRANSPARENT:
        return None
    if word in GROUND_COLOURS:
        return GROUND_COLOURS[word]
    if re.fullmatch("#[0-9a-f]{6}", word):
        return tuple(bytes.fromhex(word[1:]))
    path = Path(text)
    if path.is_file():
        return path
    raise click.BadParameter(
        f"A background must be {TRANSPARENT}, a colour, or a picture file. Received: {text!r}, which is none "
        f"of them. Colours: {', '.join(GROUND_COLOURS)}, or #RRGGBB."
    )


@click.command(
    cls=PhotoCommand,
    example="zoo cutout photo.jpg --background white --shadow soft --fill 0.85 --size 2000x2000",
)
@photos_argument
@source_options
@click.option(
    "--background",
    default=TRANSPARENT,
    show_default=True,
    callback=_to_background,
    help="transparent, a colour's name, #RRGGBB, or a picture file, which is scaled to cover the result.",
)
@click.option(
    "--shadow",
    type=click.Choice(SHADOWS),
    default="none",
    show_default=True,
    help="Draw a soft shadow, or keep the photo's own beside the product.",
)
@click.option(
    "--fill",
    type=float,
    help="Centre the product and scale it to this share of the result.  [default: 0.85 with --size]",
)
@size_option("Size of the result.  [default: the photo's]")
@click.option("--mask", "writes_mask", is_flag=True, help="Also write the mask, as NAME-mask.png.")
@click.option(
    "--ignore-alpha",
    is_flag=True,
    help="Find the product even if the photo is transparent around it already.",
)
@job_options("cutouts")
def command(
    job, server, access, model, run, preset, background, shadow, fill, size, writes_mask, ignore_alpha
):
    """Cut products out of photos or folders of them, at their own size, and lay them on another ground.

    Prints how sure each mask is: look at those with low numbers.

    Without --server, --run or --preset, uses the preset cutout_products. With --server, the model is cutout
    unless --model names another.
    """
    from serving.jobs.run_job import run_job
    from serving.pictures.cutting_out import PRESET, CuttingOut
    from serving.pictures.task import SourceOptions
    from zoo.pictures.grounds import Placing

    task = CuttingOut(background, shadow, Placing(size, fill), ignore_alpha, writes_mask)

    def make_task(source) -> CuttingOut:
        source.input_names("cutout_png")
        return task

    run_job(job, SourceOptions(server, access, model, run, preset, ("cutout",), PRESET), make_task)
