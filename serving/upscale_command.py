"""`zoo upscale`, which enlarges photos."""

import click

from serving.pictures.photo_options import photos_argument, result_options
from serving.pictures.source import PictureSource, open_source, source_options
from zoo.cli import ZooCommand

FACTORS = (2, 3, 4)


@click.command(cls=ZooCommand, example="zoo upscale photo.jpg --factor 2 --output large")
@photos_argument
@source_options
@click.option(
    "--factor",
    type=click.Choice([str(factor) for factor in FACTORS]),
    help="Enlargement of each side.  [default: 2]",
)
@result_options("upscaled")
def command(photos, server, access, model, run, preset, factor, output, overwrite, dry_run):
    """Enlarge photos 2, 3 or 4 times and write them under their own names as .png files.

    Without --server, --run or --preset, uses the factor's preset, fsrcnn_x2 to fsrcnn_x4. With --server and
    without --model, uses the server's model of that name, or else srcnn_x2 to srcnn_x4.
    """
    import numpy as np

    from serving.pictures.files import convert_photos

    suffix = f"x{factor or 2}"
    with open_source(
        server,
        access,
        model,
        run,
        preset,
        default_models=[f"fsrcnn_{suffix}", f"srcnn_{suffix}"],
        default_preset=f"fsrcnn_{suffix}",
    ) as source:
        source.input_names("upscale_png")
        if factor is not None:
            _check_factor(source, factor)
        if dry_run:
            for photo in photos:
                click.echo(output / f"{photo.stem}.png")
            return

        def upscale(image_bytes: bytes) -> bytes:
            inputs = {"image_bytes": np.array([image_bytes], dtype=object)}
            return source.predict("upscale_png", inputs)["image_bytes"][0]

        convert_photos(photos, output, upscale, overwrite=overwrite)


def _check_factor(source: PictureSource, factor: str) -> None:
    """Measures the model's factor by enlarging a single pixel, because names may mislead."""
    import numpy as np

    (enlarged,) = source.predict("upscale", {"images": np.zeros([1, 1, 1, 3], "uint8")})["images"]
    if enlarged.shape[0] != int(factor):
        raise click.UsageError(
            f"The model enlarges {enlarged.shape[0]} times. Received: --factor {factor}. Leave --factor out, "
            "or name another model."
        )
