"""Colours on the command line: a name, `#RRGGBB`, or a picture of a swatch."""

import dataclasses
import re
from pathlib import Path

import click

from zoo.colour.basic_colours import COLOURS


@dataclasses.dataclass(frozen=True)
class Colour:
    """A colour as signatures take it.

    Args:
        text: One of the eleven names, or `#rrggbb`.
    """

    text: str


@dataclasses.dataclass(frozen=True)
class SwatchColour(Colour):
    """The main colour of a picture.

    Args:
        path: The picture.
        share: Share of its pixels that have about this colour.
    """

    path: Path
    share: float

    def describe(self) -> str:
        """Says which colour was taken, and whether the swatch has others."""
        others = "" if self.share > 0.9 else "; the others were left out"
        return f"{self.path}: took {self.text}, which covers {100 * self.share:.0f} % of it{others}"


def to_colour(text: str) -> Colour:
    """Interprets a colour on the command line.

    Raises:
        click.BadParameter: It is no colour, and no picture.

    Example:

    >>> to_colour(" Red ").text, to_colour("#2B4C7E").text
    ('red', '#2b4c7e')
    """
    word = text.strip().lower()
    if word in COLOURS or re.fullmatch("#[0-9a-f]{6}", word):
        return Colour(word)
    path = Path(text)
    if not path.is_file():
        raise click.BadParameter(
            f"A colour must be a name, #RRGGBB, or a picture file. Received: {text!r}, which is none of "
            f"them. Names: {', '.join(COLOURS)}."
        )
    from serving.pictures.colourways import main_colour
    from zoo.pictures.photo import read_photo
    from zoo.pictures.photo_files import UnreadablePhotoError

    try:
        picture = read_photo(path.read_bytes(), has_opacity=False)
    except UnreadablePhotoError as error:
        raise click.BadParameter(f"A swatch must be a picture. Received: {path}, {error}.") from error
    colour, share = main_colour(picture)
    return SwatchColour("#{:02x}{:02x}{:02x}".format(*colour), path, share)


def to_label(colour: Colour) -> str:
    """Returns the colour as part of a file's name.

    Example:

    >>> to_label(Colour("#2b4c7e"))
    '2b4c7e'
    """
    return colour.path.stem if isinstance(colour, SwatchColour) else colour.text.lstrip("#")
