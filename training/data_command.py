"""The command group `zoo data`, with `zoo data build`, which prepares data sets."""

import codecs
import inspect
from pathlib import Path

import click

from training import show_command
from zoo.cli import ZooCommand, debug_option
from zoo.errors import UnknownNameError

EXAMPLE = "zoo data build fashion_mnist"
CATALOG_EXAMPLE = "zoo data build my_shop --images photos --table catalog.csv --size 64"
# Flags that differ from their argument's name.
_FLAGS = {
    "images_dir": "--images",
    "renames": "--rename",
    "cuts_out": "--cutout",
    "halves": "--halve",
    "derived": "--derive",
    "masks_dir": "--masks",
    "is_strict": "--strict",
}


class _DataGroup(click.Group):
    """A group that answers an unknown command with the existing ones."""

    def resolve_command(self, context, arguments):
        if arguments and arguments[0] not in self.commands and not arguments[0].startswith("-"):
            raise UnknownNameError("command of `zoo data`", arguments[0], self.commands)
        return super().resolve_command(context, arguments)


@click.group(
    cls=_DataGroup, epilog=f"\b\nExample:\n  {EXAMPLE}\n  {CATALOG_EXAMPLE}", params=[debug_option()]
)
def command():
    """Prepare data sets and inspect them."""


def _to_encoding(context, parameter, name):
    try:
        return name if name is None else codecs.lookup(name).name
    except LookupError as error:
        raise click.BadParameter(
            f"An encoding must be one that Python knows. Received: {name!r}. Use e.g. utf-8 or cp1252."
        ) from error


def _to_names(context, parameter, text):
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise click.BadParameter(
            "At least one column must be named. Received: none. Use e.g. category,colour; for "
            "super-resolution, which needs no attributes, leave out --table and --attributes."
        )
    return names


def _to_renames(context, parameter, texts):
    if not texts:
        return None
    # The arrow is for values that contain an equals sign.
    pairs = [text.partition("=>" if "=>" in text else "=")[::2] for text in texts]
    wrong = [text for text, pair in zip(texts, pairs, strict=True) if not all(pair)]
    if wrong:
        raise click.BadParameter(
            f"A renaming must have the form OLD=NEW. Received: {wrong[0]!r}. Use e.g. 'T-Shirt=t-shirt'."
        )
    return dict(pairs)


@command.command(cls=ZooCommand, uses_tensorflow=True, example=f"{EXAMPLE}\n  {CATALOG_EXAMPLE}")
@click.argument("name")
@click.option(
    "--images",
    "images_dir",
    type=click.Path(exists=True, file_okay=False),
    help="Folder with a catalogue's photos; fashion_mnist: folder with the four IDX files.",
)
@click.option(
    "--table",
    type=click.Path(exists=True, dir_okay=False),
    help="The catalogue's table, CSV or JSON Lines, with a column image, file, filename or path.",
)
@click.option(
    "--attributes",
    callback=_to_names,
    help="Comma-separated columns that become attributes.  [default: category]",
)
@click.option(
    "--size", type=click.IntRange(1), help="Side of the pictures in pixels.  [default: original size]"
)
@click.option(
    "--fit",
    type=click.Choice(["crop", "pad"]),
    help="Crop to the centre square or pad with white.  [default: crop]",
)
@click.option("--validation", type=float, help="Share of the validation split.  [default: 0.1]")
@click.option("--test", type=float, help="Share of the test split.  [default: 0.1]")
@click.option(
    "--min-size", type=click.IntRange(1), help="Smallest allowed side of a photo in pixels.  [default: 8]"
)
@click.option(
    "--min-count",
    type=click.IntRange(1),
    help="Smallest allowed number of rows per attribute value.  [default: 1]",
)
@click.option(
    "--rename",
    "renames",
    metavar="OLD=NEW",
    multiple=True,
    callback=_to_renames,
    help="Replace one attribute value by another; may be repeated.",
)
@click.option(
    "--derive",
    "derived",
    type=click.Choice(["colour", "category"]),
    multiple=True,
    callback=lambda context, parameter, values: tuple(dict.fromkeys(values)) or None,
    help="Judge the product's colour, or the category of a piece of clothing, in each photo and make it an "
    "attribute; may be repeated.",
)
@click.option(
    "--cutout",
    "cuts_out",
    is_flag=True,
    default=None,
    help="Show only the products, cut out and centred on white; doubtful ones are refused.",
)
@click.option(
    "--min-confidence",
    type=float,
    help="With --cutout: smallest confidence of a mask, 0 keeps every photo with a product.  [default: 0.8]",
)
@click.option(
    "--masks",
    "masks_dir",
    type=click.Path(exists=True, file_okay=False),
    help="Folder with a mask for each photo, for cutout: a PNG file of the same name and size, white on the "
    "product.",
)
@click.option(
    "--halve",
    "halves",
    is_flag=True,
    default=None,
    help="Halve the sides of every photo, which removes the blocks of JPEG: for enlarging and cleaning.",
)
@click.option("--encoding", callback=_to_encoding, help="Encoding of the table; detected by default.")
@click.option("--strict", "is_strict", is_flag=True, default=None, help="Fail if any row is refused.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False),
    help="Directory of prepared data sets.  [default: `data` under ZOO_HOME]",
)
@click.option("--count", type=int, help="rendered_catalog: number of pictures.")
@click.option("--seed", type=click.IntRange(min=0), help="rendered_catalog: seed of the drawings.")
@click.option("--overwrite", is_flag=True, help="Replace an already prepared data set.")
@click.option("--dry-run", is_flag=True, help="Print what would be done without writing anything.")
def build(name, data_dir, overwrite, dry_run, **options):
    """Prepare the data set NAME: `fashion_mnist`, `rendered_catalog`, or a catalogue of your own.

    A catalogue is a folder of photos (--images) with a table (--table). Without a table, all photos in the
    folder and its subfolders are used without attributes, which is enough for super-resolution. Unusable
    rows are listed in quarantine.csv next to the prepared data; all others are kept.
    """
    from training.data import data_sets, preparation

    data_dir = Path(data_dir or preparation.default_data_dir())
    options = {option: value for option, value in options.items() if value is not None}
    if name not in data_sets.BUILT_IN:
        _build_catalog(name, data_dir, overwrite, dry_run, options)
        return
    _check_options(name, inspect.signature(data_sets.BUILT_IN[name]).parameters, options)
    if not overwrite:
        _check_absent(data_sets.find_prepared(name, data_dir), data_dir, "images_dir" in options)
    if dry_run:
        chosen = "".join(f", {option}={value}" for option, value in options.items())
        click.echo(f"Would prepare {name} in {data_dir}{chosen}.")
        return
    data_sets.BUILT_IN[name](data_dir, overwrite=overwrite, **options)
    _say_prepared(data_sets.find_prepared(name, data_dir))


def _build_catalog(name, data_dir, overwrite, dry_run, options) -> None:
    from training.data import data_sets
    from training.data.catalog import builder as catalog_builder
    from training.data.catalog import report as catalog_report
    from training.data.catalog.settings import CatalogSettings

    if "images_dir" not in options and "table" not in options:
        advice = f"Only built-in data sets can be built by name alone. For your own: {CATALOG_EXAMPLE}"
        raise UnknownNameError("data set", name, data_sets.list_names(data_dir), advice)
    if "images_dir" not in options:
        raise click.UsageError(f"A catalogue also needs --images. Example: {CATALOG_EXAMPLE}")
    catalog_builder.check_name(name)
    is_strict = options.pop("is_strict", False)
    _check_options(name, inspect.signature(CatalogSettings).parameters, options)
    settings = CatalogSettings(**options)
    if not overwrite:
        _check_absent(data_sets.find_prepared(name, data_dir), data_dir, wants_images_dir=True)
    if dry_run:
        click.echo(catalog_report.describe_plan(settings))
        click.echo(f"Would prepare {name} in {data_dir}.")
        return
    version_dir = catalog_builder.prepare(name, data_dir, settings, is_strict, overwrite)
    data_set = data_sets.load_data_set(name, data_dir)
    for line in catalog_report.describe(data_set.report, version_dir):
        click.echo(line)
    _say_prepared(data_set)


def _say_prepared(data_set) -> None:
    counts = ", ".join(f"{number:,} {split}" for split, number in data_set.num_images.items())
    click.echo(f"Prepared {data_set.name}: {counts}. {data_set.source}")


def _check_options(name, allowed, options) -> None:
    for option in options:
        if option not in allowed:
            flag = _FLAGS.get(option, f"--{option.replace('_', '-')}")
            raise click.UsageError(f"{flag} does not apply to {name}. Leave it out.")


def _check_absent(prepared, data_dir, wants_images_dir: bool) -> None:
    # A data set prepared by TFDS itself is good enough, unless specific files were requested.
    is_elsewhere = prepared is not None and data_dir not in Path(prepared.builder.data_dir).parents
    if prepared is None or (is_elsewhere and wants_images_dir):
        return
    raise FileExistsError(
        f"The data set must not exist yet. Received: {prepared.name}, which is already prepared. "
        f"{prepared.source} Nothing was changed; add `--overwrite` to prepare it again."
    )


command.add_command(show_command.command)
