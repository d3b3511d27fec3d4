"""`zoo audit`, which holds photos against the rules of market places."""

from pathlib import Path

import click

from serving.jobs.options import photos_argument
from serving.pictures.source import source_options
from zoo.cli import ZooCommand
from zoo.command_line.output_path import OutputPath


@click.command(cls=ZooCommand, example="zoo audit photos --place amazon,zalando --fix --output audit")
@photos_argument
@source_options
@click.option("--place", "place_names", metavar="NAME,...", help="Market places.  [default: all]")
@click.option(
    "--rules",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Rules of your own, in a file like serving/audit/rules.json.",
)
@click.option(
    "--mask/--no-mask",
    "has_masks",
    default=True,
    help="Tell products from their grounds, for the rules about them; slower.  [default: mask]",
)
@click.option(
    "--table",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The catalogue's table of the folder's photos, whose column colour is compared with the products.",
)
@click.option(
    "--fix",
    is_flag=True,
    help="Mend what can be mended without inventing, for each place, into the folder `fixed` of the output; "
    "photos stay as they are.",
)
@click.option(
    "--output",
    type=OutputPath(is_directory=True),
    default="audit",
    show_default=True,
    help="Directory to write audit.csv and audit.html to.",
)
@click.option("--dry-run", is_flag=True, help="Print the rules that would be checked, and write nothing.")
def command(
    photos, server, access, model, run, preset, place_names, rules, has_masks, table, fix, output, dry_run
):
    """Hold photos, or folders of them, against the rules of market places; photos stay as they are.

    Exits with 1 if a photo breaks a rule (with --fix: if its mended version does) or cannot be read. Products
    are found by the preset cutout_products, or by the server's model cutout; --server, --run and --preset
    name others.
    """
    from serving.audit.measures import MEASURES
    from serving.audit.rules import find_places, read_places
    from serving.jobs.walk import find_photos

    known = read_places(list(MEASURES), rules)
    names = [name.strip() for name in place_names.split(",")] if place_names is not None else list(known)
    places = find_places(names, known)
    remote = [str(path) for path in photos if isinstance(path, str)]
    if remote:
        raise click.UsageError(
            f"Photos must lie in this machine's folders. Received: {remote[0]}. Copy them here."
        )
    walk = find_photos(photos, output)
    if dry_run:
        for place in places:
            for rule in place.rules:
                kind = "advice: " if rule.is_advice else ""
                click.echo(f"{place.name}: {kind}{MEASURES[rule.measure].title}: {rule.describe()}")
        return
    from serving.audit.comparisons import read_colours
    from serving.audit.mending import open_mender
    from serving.audit.run_audit import mask_finder, run_audit

    if (fix or table) and not has_masks:
        raise click.UsageError(
            "--fix and --table have to tell products from their grounds. Received: one of them with "
            "--no-mask. Omit --no-mask."
        )
    colours = None
    if table is not None:
        if len(photos) != 1 or not photos[0].is_dir():
            raise click.UsageError(
                "--table needs the one folder in which its photos lie. Received: "
                f"{', '.join(map(str, photos))}. Name the folder alone."
            )
        colours = read_colours(table, photos[0])
    if not has_masks:
        run_audit(walk, places, None, output)
        return
    from serving.pictures.cutting_out import PRESET
    from serving.pictures.task import SourceOptions

    options = SourceOptions(server, access, model, run, preset, ("cutout",), PRESET)
    with options.open() as source:
        source.input_names("cutout_png")
        if not fix:
            run_audit(walk, places, mask_finder(source), output, None, colours)
            return
        with open_mender(source) as mender:
            run_audit(walk, places, mask_finder(source), output, mender, colours)
