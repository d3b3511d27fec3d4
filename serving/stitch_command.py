"""`zoo stitch`, which makes one picture of several photos."""

import functools
from pathlib import Path
from typing import cast

import click
from tqdm import tqdm

from serving.jobs.options import overwrite_option, provenance_option, quality_option
from serving.pictures.size_option import size_option
from serving.pictures.source import source_options
from zoo.cli import ZooCommand
from zoo.command_line.output_path import OutputPath

LAYOUTS = ("panorama", "row", "grid", "hero")
# As `zoo.stitching.stitcher.BLENDS`, which imports TensorFlow.
BLENDS = ("none", "feather", "multiband")
MOST_PHOTOS, MOST_PRODUCTS = 8, 60


def _to_format(output: Path) -> str:
    from zoo.pictures.photo_writer import FORMATS, SAME, SUFFIXES

    endings = {ending: name for name in FORMATS if name != SAME for ending in SUFFIXES[name]}
    if output.suffix.lower() not in endings:
        raise click.UsageError(
            f"`--output` must name a picture file, ending in {', '.join(endings)}. Received: {output}. "
            "Use e.g. stitched.png."
        )
    return endings[output.suffix.lower()]


@click.command(
    cls=ZooCommand,
    example="zoo stitch left.jpg middle.jpg right.jpg --output whole.jpg\n"
    "  zoo stitch shirt.jpg jeans.jpg shoes.jpg --layout row --output outfit.jpg",
)
@click.argument(
    "photos", metavar="PHOTO...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
@source_options
@click.option(
    "--output",
    type=OutputPath(is_directory=False),
    default="stitched.png",
    show_default=True,
    help="File to write; its ending tells the format.",
)
@click.option(
    "--layout",
    type=click.Choice(LAYOUTS),
    default="panorama",
    show_default=True,
    help="panorama: photos that overlap, as one; row, grid, hero: cut-out products on one white sheet, hero "
    "with the first one large.",
)
@click.option(
    "--blend",
    type=click.Choice(BLENDS),
    help="Of panoramas: how photos go over into each other; none also leaves their exposure as it is.  "
    "[default: multiband]",
)
@click.option(
    "--crop/--no-crop",
    "crops",
    default=None,
    help="Of panoramas: crop to the largest rectangle, or keep the outline with transparency around it.  "
    "[default: crop]",
)
@size_option("Of collages: size of the sheet.  [default: 2000 pixels wide, a row 1000 for each product]")
@quality_option
@provenance_option
@overwrite_option
@click.option("--dry-run", is_flag=True, help="Print the file's name, and write nothing.")
def command(photos, server, access, model, run, preset, output, overwrite, dry_run, **options):
    """Make one picture of several photos: a panorama of two to eight that overlap, or a collage of products.

    Panoramas need the extra stitching. Photos may come in any order, turned and of different exposure; those
    that do not fit are left out, with the reason. Moving the camera between photos shifts what is near
    against what is far, which no stitching mends: turn it, or move it along a flat product.

    Without --server, --run or --preset, panoramas are composed in this process, and collages use the preset
    cutout_products. With --server, the model is stitch, or cutout for collages.
    """
    from serving.jobs.result_names import check_absent
    from serving.pictures.task import SourceOptions
    from zoo import __version__
    from zoo.files.atomic_write import write_bytes
    from zoo.pictures.photo_writer import Writing

    file_format = _to_format(output)
    is_panorama = options["layout"] == "panorama"
    _check_options(is_panorama, file_format, options)
    paths = _find_paths(photos, output)
    _check_count(paths, is_panorama)
    if any(path.exists() and output.exists() and path.samefile(output) for path in paths):
        raise click.UsageError(
            f"The result must not replace a photo. Received: {output} as a photo and as --output. Choose "
            "another --output."
        )
    if dry_run:
        click.echo(output)
        return
    if not overwrite:
        check_absent([output])
    model_name, preset_name = ("stitch", "stitch") if is_panorama else ("cutout", "cutout_products")
    source_of = SourceOptions(server, access, model, run, preset, (model_name,), preset_name)
    photos_read, failures = _read(paths)
    if is_panorama and len(photos_read) < 2:
        raise click.ClickException(
            "Two photos or more must be readable. Received: "
            f"{'; '.join(failure.describe() for failure in failures)}. Save them again, or name others."
        )
    with source_of.open() as source:
        if is_panorama:
            picture = _make_panorama(photos_read, source, options)
        else:
            picture, without_product = _make_collage(photos_read, source, options)
            failures += without_product
    provenance = f"zoo stitch, {source_of.describe()}, product-image-zoo {__version__}"
    writing = Writing(
        file_format, options["quality"], provenance=provenance if options["provenance"] else None
    )
    write_bytes(output, writing.write(picture))
    click.echo(f"Wrote {picture.size[0]} x {picture.size[1]} pixels to {output}")
    if failures:
        raise click.ClickException(
            "Photos must be readable, and in collages show a product. Received: "
            f"{'; '.join(failure.describe() for failure in failures)}. The result is made of the others."
        )


def _check_options(is_panorama, file_format, options):
    from zoo.pictures.grounds import Placing

    Placing(options["size"])  # refuses sheets that are too large
    if is_panorama:
        unfit = ["--size"] if options["size"] else []
        advice = "Choose the layout row, grid or hero, or leave it out."
    else:
        unfit = [
            *(["--blend"] if options["blend"] else []),
            *(["--crop"] if options["crops"] is not None else []),
        ]
        advice = "Leave it out: products on white have neither seams nor an outline."
    if unfit:
        raise click.UsageError(
            f"Options must fit the layout. Received: {unfit[0]} with --layout {options['layout']}. {advice}"
        )
    if is_panorama and options["crops"] is False and file_format == "jpeg":
        raise click.UsageError(
            "`--no-crop` needs a format that can be transparent, such as PNG or WebP. Received: an --output "
            "that ends like a JPEG file. Choose another ending, or leave out --no-crop."
        )


def _find_paths(photos, output):
    """Returns the photos in the order in which they were named, those of a folder by their names."""
    from serving.jobs.walk import find_photos

    paths = []
    for argument in photos:
        if argument.is_dir():
            found = [photo.path for photo in find_photos([argument], output).photos]
            paths += [path for path in found if not (output.exists() and path.samefile(output))]
        else:
            paths.append(argument)
    return paths


def _check_count(paths, is_panorama):
    least, most = (2, MOST_PHOTOS) if is_panorama else (1, MOST_PRODUCTS)
    if not least <= len(paths) <= most:
        kind = "photos that overlap" if is_panorama else "photos of products"
        raise click.UsageError(
            f"There must be {least} to {most} {kind}. Received: {len(paths)}. Name "
            f"{'more' if len(paths) < least else 'fewer'} of them."
        )


def _read(paths):
    """Returns the photos that can be read, with their paths, and why the others cannot be."""
    from serving.jobs.conversion import read_file, to_failure
    from zoo.pictures.photo import Photo

    photos, failures = [], []
    for path in paths:
        try:
            photos.append((path, Photo.read(read_file(path))))
        except Exception as error:  # noqa: BLE001 - raised again by `to_failure` if it is not the photo's
            failures.append(to_failure(path, error))
    return photos, failures


def _make_panorama(photos, source, options):
    from serving.pictures.stitching import stitch

    source.input_names("stitch")
    names = _short_names([path for path, _ in photos])
    track = functools.partial(tqdm, delay=2, leave=False)
    crops = options["crops"] is not False
    made = stitch(
        [photo for _, photo in photos], names, source, options["blend"] or "multiband", crops, track
    )
    click.echo(f"Used: {', '.join(names[index] for index in made.used)}. Exposure: {names[made.used[0]]}.")
    for index, reason in made.refused.items():
        click.echo(f"Not used: {names[index]}: {reason}.")
    if made.scale < 1:
        click.echo(f"Reduced to {made.scale:.0%} of the photos' size, because it would have been too large.")
    return made.photo


def _make_collage(photos, source, options):
    from serving.jobs.conversion import to_failure
    from serving.pictures.collage import default_size, keep_product, make_collage
    from serving.pictures.cutting_out import CuttingOut
    from zoo.pictures.doubt import DOUBTFUL
    from zoo.pictures.photo import Photo

    source.input_names("cutout_png")
    task, products, failures = CuttingOut(), [], []
    for path, photo in tqdm(photos, unit="photo", delay=2, leave=False):
        try:
            converted = task.convert(photo, source)
        except Exception as error:  # noqa: BLE001 - raised again by `to_failure` if it is not the photo's
            failures.append(to_failure(path, error))
            continue
        cut_out = cast("Photo", converted.results[0].picture)
        product = cut_out.in_srgb().as_rgb().with_own_opacity()
        products.append(keep_product(product))
        if converted.confidence is not None and converted.confidence < DOUBTFUL:
            click.echo(f"{path.name}: sure by {converted.confidence:.2f}  look at it: {converted.doubt}")
    if not products:
        raise click.ClickException(
            "A photo of a collage must show a product. Received: "
            f"{'; '.join(failure.describe() for failure in failures) or 'no photo'}. Name other photos."
        )
    size = options["size"] or default_size(options["layout"], len(products))
    return Photo(make_collage(products, options["layout"], *size)), failures


def _short_names(paths):
    """Returns the files' names; whole paths where several have the same, and numbers where paths do."""
    names = [path.name if [one.name for one in paths].count(path.name) == 1 else str(path) for path in paths]
    return [
        name if names.count(name) == 1 else f"{name} (photo {number})" for number, name in enumerate(names, 1)
    ]
