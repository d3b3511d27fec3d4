"""What `zoo generate` asks of models that draw from words: a description, a picture to vary, and settings."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import click

from serving.client.access import ServerAccess
from serving.pictures.source import PictureSource, open_source
from zoo.command_line.numbers import Number
from zoo.pictures.drawing_settings import MOST_GUIDANCE, MOST_STEPS, OWN_GUIDANCE, OWN_STEPS

PRESET = "flow_clothing_128"
# Side in pixels of the picture to vary as it is sent; the model reduces it to its own.
_SENT_SIDE = 512
DEFAULT_STRENGTH = 0.5


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What to draw besides attributes.

    Args:
        description: Words; None without any.
        like: Photo whose product to vary; None draws something new.
        strength: Share of noise to begin a variation with, in [0, 1]; None for the usual one.
        guidance: How strongly to follow what is asked for; None for the model's own.
        steps: Number of steps; None for the model's own.
    """

    description: str | None = None
    like: Path | None = None
    strength: float | None = None
    guidance: float | None = None
    steps: int | None = None

    @property
    def is_any(self) -> bool:
        """Whether something is wished for that only models from words can draw."""
        return any(value is not None for value in dataclasses.astuple(self))

    def check(self) -> None:
        """Raises `click.UsageError` for a strength without a picture to vary."""
        if self.strength is not None and self.like is None:
            raise click.UsageError(
                "--strength says how far to move away from a picture. Received: --strength without --like. "
                "Name the picture: --like PHOTO."
            )

    def signature_of(self, source: PictureSource) -> str:
        """Returns the signature that draws.

        Raises:
            click.UsageError: The model cannot draw what is wished for.
        """
        name = "vary_png" if self.like is not None else "compose_png"
        if source.inputs_of(name):
            return name
        if self.is_any:
            raise click.UsageError(
                "--description, --like, --guidance and --steps need a model that draws from words. Received: "
                f"one without the signature {name}. Name another, e.g. --preset {PRESET}, or omit them."
            )
        return "generate_png"

    def to_inputs(self, signature: str, count: int) -> dict[str, Any]:
        """Returns the signature's inputs besides seeds and attributes, for `count` pictures.

        Raises:
            click.UsageError: The photo is no picture, or shows no product.
        """
        import numpy as np

        if signature == "generate_png":
            return {}
        inputs = {
            "description": np.array([self.description or ""] * count, dtype=object),
            "guidance": np.full(count, OWN_GUIDANCE if self.guidance is None else self.guidance, "float32"),
            "steps": np.full(count, self.steps or OWN_STEPS, "int32"),
        }
        if self.like is not None:
            inputs["image_bytes"] = np.array([_product_on_white(self.like)] * count, dtype=object)
            strength = DEFAULT_STRENGTH if self.strength is None else self.strength
            inputs["strength"] = np.full(count, strength, "float32")
        return inputs


def wish_options(function):
    """Adds the options of `Wishes` to a command, which gets them as `wishes`."""
    options = (
        click.option("--description", metavar="TEXT", help="Words for the product, e.g. 'a red dress'."),
        click.option(
            "--like",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Photo whose product to vary, at --strength.",
        ),
        click.option(
            "--strength",
            type=Number(min=0, max=1),
            help="With --like: how far to move away from the photo; 0 keeps it.  "
            f"[default: {DEFAULT_STRENGTH}]",
        ),
        click.option(
            "--guidance",
            type=Number(min=0, max=MOST_GUIDANCE),
            help="How strongly to follow words and attributes; 1 is plain, more is less varied.  "
            "[default: the model's own]",
        ),
        click.option(
            "--steps",
            type=click.IntRange(1, MOST_STEPS),
            help="Steps from noise to a picture; fewer are faster.  [default: the model's own]",
        ),
    )

    @functools.wraps(function)
    def command(*args, description, like, strength, guidance, steps, **kwargs):
        return function(*args, wishes=Wishes(description, like, strength, guidance, steps), **kwargs)

    for option in reversed(options):
        command = option(command)
    return command


def _product_on_white(path: Path) -> bytes:
    """Returns the bytes of a PNG file that shows a photo's product, centred on white."""
    import numpy as np

    from serving.client.errors import RowError
    from serving.pictures import cutting_out
    from zoo.pictures import grounds
    from zoo.pictures.photo import Photo
    from zoo.pictures.photo_writer import write_png

    try:
        photo = Photo.read(path.read_bytes()).as_rgb()
        with open_source(None, ServerAccess(), None, None, cutting_out.PRESET, []) as source:
            found = cutting_out.cut_out(photo.with_opacity(), source)
    except (ValueError, OSError) as error:  # `RowError` is a ValueError
        reason = "; ".join(error.errors.values()) if isinstance(error, RowError) else error
        raise click.UsageError(f"--like must be a photo of a product. Received: {path}: {reason}") from error
    placing = grounds.Placing((_SENT_SIDE, _SENT_SIDE), grounds.MARKET_FILL)
    placed = placing.apply(np.dstack([found.colours, found.opacity]))
    return write_png(grounds.lay_on_colour(placed, (255, 255, 255)))
