"""`zoo generate`, which makes new pictures from seeds, attributes and words."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from serving.jobs.options import overwrite_option
from serving.pictures.attribute_options import (
    AttributeCommand,
    attribute_inputs,
    given_values,
    raise_if_unknown_value,
)
from serving.pictures.enlarger import LARGEST_FACTOR, Enlarger
from serving.pictures.source import PictureSource, open_source, source_options
from serving.pictures.wishes import PRESET, Wishes, wish_options
from serving.wire.server_defaults import MAX_BATCH_SIZE
from zoo.command_line.output_path import OutputPath

# Pictures per request: enough to use the processors, few enough to show progress.
REQUEST_IMAGES = MAX_BATCH_SIZE
# File systems allow names of 255 bytes, which must hold four bytes per character and the seed.
MAX_LABEL_CHARACTERS = 48
FIRST_SEED, LAST_SEED = -(2**63), 2**63 - 1


@click.command(
    cls=AttributeCommand,
    example="zoo generate --server localhost:8500 --category sneaker --count 8 --output generated\n"
    "  zoo generate --description 'a red dress' --seed 7 --count 8",
)
@source_options
@click.option("--count", type=click.IntRange(1), default=1, show_default=True, help="Number of pictures.")
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Seed of the first picture; every further picture's seed is one higher.",
)
@wish_options
@click.option(
    "--size",
    type=click.IntRange(1),
    help="Side of the pictures in pixels, up to four times the model's, which ecbsr_x2 to ecbsr_x4 enlarge.  "
    "[default: the model's own]",
)
@click.option(
    "--output",
    type=OutputPath(is_directory=True),
    default="generated",
    show_default=True,
    help="Directory to write the pictures to.",
)
@overwrite_option
@click.option("--force", is_flag=True, help="Use a preset that is not good at generating pictures.")
@click.option("--dry-run", is_flag=True, help="Print the file names, and write nothing.")
def command(server, access, model, run, preset, count, seed, wishes, size, output, overwrite, force, dry_run):
    """Generate pictures; the same seed always gives the same picture.

    Each of the model's attributes is an option, e.g. --category sneaker; an attribute that is not given is
    drawn at random. Models that draw from words take a --description too, or vary the product of a photo
    (--like). With --server, the model is dcgan, or latent_flow for words, unless --model names another.
    """
    import numpy as np

    from serving.jobs.result_names import check_absent

    if not FIRST_SEED <= seed <= LAST_SEED - (count - 1):
        raise click.UsageError(
            f"Seeds must be 64-bit integers, from {FIRST_SEED} to {LAST_SEED}. Received: --seed {seed} "
            f"--count {count}. Choose another --seed."
        )
    wishes.check()
    label = _make_label(wishes)
    seeds = seed + np.arange(count, dtype="int64")
    paths = [output / f"{label}-{one_seed}.png" for one_seed in seeds]
    if preset and not (server or run or force):
        _check_preset(preset)
    models = ["latent_flow"] if wishes.is_any else ["dcgan", "latent_flow"]
    default = PRESET if wishes.is_any else None
    with open_source(server, access, model, run, preset, models, default) as source:
        signature = wishes.signature_of(source)
        wanted = {"seed": seeds, **wishes.to_inputs(signature, count)}
        wanted |= attribute_inputs(source, signature, count, [*wanted])
        if dry_run:
            for path in paths:
                click.echo(path)
            return
        if not overwrite:
            check_absent(paths)
        warnings = _draw(source, signature, wanted, paths, size)
    for warning in warnings:
        click.echo(f"zoo: warning: {warning}", err=True)
    click.echo(f"Wrote {count} pictures to {output}")


def _draw(source: PictureSource, signature: str, wanted: Mapping, paths: Sequence[Path], size: int | None):
    """Draws pictures and writes them; returns what the model has to say about them, each text once."""
    from tqdm import tqdm

    from serving.client.errors import RowError
    from zoo.files.atomic_write import write_bytes

    warnings: dict[str, None] = {}
    with Enlarger() as enlarger:
        for start in tqdm(range(0, len(paths), REQUEST_IMAGES), unit="request", delay=2):
            rows = slice(start, start + REQUEST_IMAGES)
            try:
                outputs = source.predict(signature, {name: values[rows] for name, values in wanted.items()})
            except RowError as error:
                raise_if_unknown_value(error)
                raise
            for path, image_bytes in zip(paths[rows], outputs["image_bytes"], strict=True):
                write_bytes(path, _resize(image_bytes, size, enlarger) if size else image_bytes)
            texts = (text.decode() for text in outputs.get("warning", []))
            warnings |= dict.fromkeys(filter(None, texts))
    return list(warnings)


def _resize(image_bytes: bytes, side: int, enlarger: Enlarger) -> bytes:
    """Returns a drawn picture's PNG file at another size.

    Raises:
        click.UsageError: The size is more than four times the picture's own.
    """
    import numpy as np

    from zoo.pictures.photo import Photo
    from zoo.pictures.photo_writer import write_png

    photo = Photo.read(image_bytes)
    own = photo.size[0]
    if side > LARGEST_FACTOR * own:
        raise click.UsageError(
            f"--size must be at most {LARGEST_FACTOR} times the model's own size, {own} pixels. Received: "
            f"--size {side}. Choose at most {LARGEST_FACTOR * own}."
        )
    colours = enlarger.resize(photo.to_srgb(), side, side)
    return write_png(np.ascontiguousarray(colours[..., :1]) if photo.is_grey else colours)


def _make_label(wishes: Wishes) -> str:
    """Returns the beginning of the files' names."""
    texts = [*given_values(), wishes.description or ""]
    texts += [f"like {wishes.like.stem}"] if wishes.like else []
    label = "-".join(text for text in texts if text.strip())
    return re.sub(r"[^\w.,+-]+", "-", label).strip("-.")[:MAX_LABEL_CHARACTERS] or "any"


def _check_preset(name: str) -> None:
    """Raises `click.UsageError` for a preset whose description advises against it."""
    from zoo.presets.registry import read_preset

    why = (read_preset(name).weak_at or {}).get("generate")
    if why:
        raise click.UsageError(
            f"The preset must be good at generating pictures. Received: {name}; its description says: {why}. "
            "Choose another one (zoo presets), or add --force to see for yourself."
        )
