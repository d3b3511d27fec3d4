"""`zoo edit`, which changes attributes of photos."""

import click

from serving.pictures.attribute_options import AttributeCommand, attribute_inputs, check_wanted
from serving.pictures.photo_options import photos_argument, result_options
from serving.pictures.source import open_source, source_options


@click.command(
    cls=AttributeCommand,
    example="zoo edit photo.jpg --server localhost:8500 --category sneaker --target-category sandal",
)
@photos_argument
@source_options
@result_options("edited")
def command(photos, server, access, model, run, preset, output, overwrite, dry_run):
    """Change some attributes of photos and keep the rest.

    Each of the model's attributes is an option: --category states the value that a photo has (by default the
    model judges it), --target-category the value that the result is to have. With --server, the model is
    conditional_vae unless --model names another.
    """
    import numpy as np

    from serving.pictures.files import convert_photos

    with open_source(server, access, model, run, preset, default_models=["conditional_vae"]) as source:
        attributes = attribute_inputs(source, "edit_png", 1, ["image_bytes"])
        if dry_run:
            for photo in photos:
                click.echo(output / f"{photo.stem}.png")
            return
        check_wanted(attributes)

        def edit(image_bytes: bytes) -> bytes:
            inputs = {"image_bytes": np.array([image_bytes], dtype=object), **attributes}
            return source.predict("edit_png", inputs)["image_bytes"][0]

        convert_photos(photos, output, edit, overwrite=overwrite)
