"""`zoo upscale`: larger photos."""

from pathlib import Path

import click

from serving.picture_source import open_source, source_options
from training.run_or_preset import find_preset, find_run
from zoo.cli import ZooCommand

FACTORS = (2, 3, 4)


@click.command(cls=ZooCommand, example="zoo upscale photo.jpg --factor 2 --output large")
@click.argument(
    "photos",
    metavar="PHOTO...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@source_options
@click.option(
    "--factor", type=click.Choice([str(factor) for factor in FACTORS]), help="Enlargement.  [default: 2]"
)
@click.option("--output", type=click.Path(path_type=Path), default="upscaled", show_default=True)
@click.option("--dry-run", is_flag=True, help="Name the files and write nothing.")
def command(photos, server, model, run, preset, factor, output, dry_run):
    """Enlarge photos 2, 3 or 4 times; file names are kept, with the ending .png.

    Without --server, --run or --preset it takes the preset of the factor, srcnn_x2 to srcnn_x4.
    """
    import numpy as np

    from serving.picture_files import convert_photos

    _check_factor(run, preset, factor)
    name = f"srcnn_x{factor or 2}"
    with open_source(server, model, run, preset, default_model=name, default_preset=name) as source:
        source.input_names("upscale_png")
        if dry_run:
            for photo in photos:
                click.echo(output / f"{photo.stem}.png")
            return

        def upscale(image_bytes: bytes) -> bytes:
            inputs = {"image_bytes": np.array([image_bytes], dtype=object)}
            return source.predict("upscale_png", inputs)["image_bytes"][0]

        convert_photos(photos, output, upscale)


def _check_factor(run: Path | None, preset: str | None, factor: str | None) -> None:
    if factor is None or (run is None) == (preset is None):
        return
    source = find_run(run) if run is not None else find_preset(preset)
    own = source.config.model_options.get("upscale_factor")
    if own is not None and str(own) != factor:
        raise click.UsageError(
            f"The {source.kind} enlarges {own} times. Received: --factor {factor}. Leave it out, or name "
            f"another {source.kind}."
        )
