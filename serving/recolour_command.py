"""`zoo recolour`, which shows products in other colours."""

import click

from serving.jobs.options import PhotoCommand, job_options, photos_argument
from serving.pictures.colour_options import SwatchColour, to_colour, to_label
from serving.pictures.source import source_options
from zoo.command_line.numbers import Number


def _to_colours(context, parameter, texts):
    return [to_colour(text) for text in texts]


def _to_source(context, parameter, text):
    return None if text is None else to_colour(text)


@click.command(cls=PhotoCommand, example='zoo recolour photo.jpg --to red --to "#2b4c7e" --output colourways')
@photos_argument
@source_options
@click.option(
    "--to",
    "targets",
    required=True,
    multiple=True,
    metavar="COLOUR",
    callback=_to_colours,
    help="The new colour: a name, #RRGGBB, or a picture of a swatch; may be repeated.",
)
@click.option(
    "--from",
    "source_colour",
    metavar="COLOUR",
    callback=_to_source,
    help="The product's colour to change, in the same forms.  [default: its main colour]",
)
@click.option("--strength", type=Number(0, 1), default=1.0, show_default=True, help="Share of the change.")
@click.option("--mask", "writes_mask", is_flag=True, help="Also write the mask, as NAME-mask.png.")
@job_options("recoloured")
def command(job, server, access, model, run, preset, targets, source_colour, strength, writes_mask):
    """Show products in other colours, at the photos' own size; folds, prints and surroundings stay.

    Writes NAME-COLOUR for each photo and colour and, where --to is repeated, the sheet NAME-colourways.png.
    Prints how sure each result is: low numbers are products that could hardly be told from the ground, or
    whose main colour covers little of them.

    Without --server, --run or --preset, uses the preset recolour_products. With --server, the model is
    recolour unless --model names another.
    """
    from serving.jobs.run_job import run_job
    from serving.pictures.recolouring import Recolouring
    from serving.pictures.task import SourceOptions

    for colour in [*targets, *([source_colour] if source_colour else [])]:
        if isinstance(colour, SwatchColour):
            click.echo(colour.describe())
    labels = [to_label(colour) for colour in targets]
    if len(set(labels)) < len(labels):
        raise click.UsageError(
            f"Each --to must name another colour. Received: {', '.join(labels)}. Leave out the repeated one."
        )
    task = Recolouring(tuple(targets), source_colour, strength, writes_mask)

    def make_task(source) -> Recolouring:
        source.input_names("recolour_png")
        return task

    run_job(
        job, SourceOptions(server, access, model, run, preset, ("recolour",), "recolour_products"), make_task
    )
