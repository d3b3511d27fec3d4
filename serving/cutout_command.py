"""`zoo cutout`, which cuts the product out of photos."""

import re
from pathlib import Path

import click

from serving.pictures.photo_options import (
    FILE_SUFFIXES,
    format_option,
    mask_option,
    photos_argument,
    result_options,
)
from serving.pictures.source import open_source, source_options
from zoo.cli import ZooCommand
from zoo.colour.basic_colours import GROUND_COLOURS

TRANSPARENT = "transparent"
SHADOWS = ("none", "soft", "keep")


def _to_size(context, parameter, text):
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text.strip().lower())
    if not match or "0" in (match[1].lstrip("0") or "0", match[2].lstrip("0") or "0"):
        raise click.BadParameter(
            f"A size must have the form WIDTHxHEIGHT, in pixels. Received: {text!r}. Use e.g. 2000x2000."
        )
    return int(match[1]), int(match[2])


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
    cls=ZooCommand,
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
@click.option("--size", callback=_to_size, metavar="WxH", help="Size of the result.  [default: the photo's]")
@mask_option
@click.option(
    "--ignore-alpha",
    is_flag=True,
    help="Find the product even if the photo is transparent around it already.",
)
@format_option
@result_options("cutouts")
def command(
    photos,
    server,
    access,
    model,
    run,
    preset,
    background,
    shadow,
    fill,
    size,
    writes_mask,
    ignore_alpha,
    file_format,
    output,
    overwrite,
    dry_run,
):
    """Cut products out of photos, at the photos' own size, and lay them on another ground.

    Prints how sure each mask is: look at those with low numbers.

    Without --server, --run or --preset, uses the preset cutout_products. With --server, the model is cutout
    unless --model names another.
    """
    import numpy as np

    from serving.pictures.confidences import Confidences
    from serving.pictures.files import convert_photos, print_result_paths
    from zoo.pictures import grounds
    from zoo.pictures.photo_files import read_photo, write_picture

    if background is None and file_format == "jpeg":
        raise click.UsageError(
            "JPEG files cannot be transparent. Received: --format jpeg --background transparent. "
            "Choose --background white or --format png."
        )
    placing = grounds.Placing(size, fill)
    picture = read_photo(background.read_bytes(), has_opacity=False) if isinstance(background, Path) else None
    endings = [FILE_SUFFIXES[file_format], *(["-mask.png"] if writes_mask else [])]
    with open_source(
        server, access, model, run, preset, default_models=["cutout"], default_preset="cutout_products"
    ) as source:
        source.input_names("cutout_png")
        if dry_run:
            print_result_paths(photos, output, endings)
            return
        confidences = Confidences("the product is hard to tell from the ground")

        def cut_out(content: bytes) -> list[bytes]:
            photo = read_photo(content, has_opacity=not ignore_alpha)
            inputs = {
                "image_bytes": np.array([write_picture(photo, "png")], dtype=object),
                "background": np.array([""], dtype=object),
            }
            outputs = source.predict("cutout_png", inputs)
            confidences.note(outputs)
            product = read_photo(outputs["image_bytes"][0])
            if product.shape[-1] == 3:  # nothing of it is transparent
                product = np.concatenate([product, np.full_like(product[..., :1], 255)], axis=-1)
            if shadow == "soft":
                product = grounds.add_soft_shadow(product)
            elif shadow == "keep":
                product = grounds.keep_shadow(product, photo[..., :3])
            product = placing.apply(product)
            if picture is not None:
                result = grounds.lay_on_picture(product, picture)
            elif background is not None:
                result = grounds.lay_on_colour(product, background)
            else:
                result = product
            files = [write_picture(result, file_format)]
            return [*files, outputs["mask_bytes"][0]] if writes_mask else files

        convert_photos(photos, output, cut_out, endings, confidences.report, overwrite)
