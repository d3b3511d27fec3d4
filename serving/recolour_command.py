"""`zoo recolour`, which shows products in other colours."""

import click

from serving.pictures.colour_options import SwatchColour, to_colour, to_label
from serving.pictures.photo_options import (
    FILE_SUFFIXES,
    format_option,
    mask_option,
    photos_argument,
    result_options,
)
from serving.pictures.source import open_source, source_options
from zoo.cli import ZooCommand


def _to_colours(context, parameter, texts):
    return [to_colour(text) for text in texts]


def _to_source(context, parameter, text):
    return None if text is None else to_colour(text)


@click.command(cls=ZooCommand, example='zoo recolour photo.jpg --to red --to "#2b4c7e" --output colourways')
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
@click.option(
    "--strength", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Share of the change."
)
@mask_option
@format_option
@result_options("recoloured")
def command(
    photos,
    server,
    access,
    model,
    run,
    preset,
    targets,
    source_colour,
    strength,
    writes_mask,
    file_format,
    output,
    overwrite,
    dry_run,
):
    """Show products in other colours, at the photos' own size; folds, prints and surroundings stay.

    Writes NAME-COLOUR.png for each photo and colour and, where --to is repeated, the sheet
    NAME-colourways.png. Prints how sure each result is: low numbers are products that could hardly be told
    from the ground, or whose main colour covers little of them.

    Without --server, --run or --preset, uses the preset recolour_products. With --server, the model is
    recolour unless --model names another.
    """
    import numpy as np

    from serving.pictures.colourways import make_sheet
    from serving.pictures.confidences import Confidences
    from serving.pictures.files import convert_photos, print_result_paths
    from zoo.pictures.photo_files import read_photo, write_picture

    for colour in [*targets, *([source_colour] if source_colour else [])]:
        if isinstance(colour, SwatchColour):
            click.echo(colour.describe())
    labels = [to_label(colour) for colour in targets]
    if len(set(labels)) < len(labels):
        raise click.UsageError(
            f"Each --to must name another colour. Received: {', '.join(labels)}. Leave out the repeated one."
        )
    endings = [f"-{label}{FILE_SUFFIXES[file_format]}" for label in labels]
    endings += ["-colourways.png"] if len(targets) > 1 else []
    endings += ["-mask.png"] if writes_mask else []
    with open_source(
        server, access, model, run, preset, default_models=["recolour"], default_preset="recolour_products"
    ) as source:
        source.input_names("recolour_png")
        if dry_run:
            print_result_paths(photos, output, endings)
            return
        confidences = Confidences("the product or its colour is hard to tell")

        def recolour(content: bytes) -> list[bytes]:
            photo = read_photo(content)
            image_bytes = write_picture(photo, "png")
            inputs = {
                "image_bytes": np.array([image_bytes], dtype=object),
                "source_colour": np.array([source_colour.text if source_colour else ""], dtype=object),
                "strength": np.array([strength], "float32"),
            }
            pictures = []
            for colour in targets:
                target = np.array([colour.text], dtype=object)
                outputs = source.predict("recolour_png", {**inputs, "target_colour": target})
                pictures.append(read_photo(outputs["image_bytes"][0]))
            confidences.note(outputs)
            results = [write_picture(picture, file_format) for picture in pictures]
            if len(targets) > 1:
                results.append(write_picture(make_sheet([photo, *pictures]), "png"))
            return [*results, outputs["mask_bytes"][0]] if writes_mask else results

        convert_photos(photos, output, recolour, endings, confidences.report, overwrite)
