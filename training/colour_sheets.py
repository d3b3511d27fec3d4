"""Picture sheets of products by judged colour, for people to check `--derive colour`."""

from collections.abc import Sequence

import numpy as np

from training.picture_sheet import PictureSheet
from training.product_colour import ColourJudgement
from training.product_drawing import COLOURS

MAX_PICTURES = 32
NO_COLOUR = "no colour"

_COLUMNS = 8


def colour_sheets(
    pictures: Sequence[np.ndarray], judgements: Sequence[ColourJudgement]
) -> dict[str, PictureSheet]:
    """Lays out pictures by the colour that they were judged to have.

    Args:
        pictures: uint8 arrays `[h, w, 1 or 3]`.
        judgements: The judgement of each picture.

    Returns:
        A sheet for each colour that occurs, in the usual order, then one under `NO_COLOUR` of what was
        left open. Each shows up to `MAX_PICTURES` pictures, spread evenly from the most to the least
        confident.

    Raises:
        ValueError: If there are not as many judgements as pictures.

    Example:

    >>> red = ColourJudgement("red", confidence=0.9, best="red")
    >>> list(colour_sheets([np.zeros((8, 8, 3), "uint8")], [red]))
    ['red']
    """
    if len(pictures) != len(judgements):
        raise ValueError(
            "Each picture needs one judgement. "
            f"Received: {len(pictures)} pictures, {len(judgements)} judgements. Judge every picture first."
        )
    sheets = {}
    for colour in (*COLOURS, ""):
        indices = [index for index, judgement in enumerate(judgements) if judgement.colour == colour]
        if indices:
            indices.sort(key=lambda index: -judgements[index].confidence)
            sheets[colour or NO_COLOUR] = _lay_out(indices, pictures, judgements)
    return sheets


def _lay_out(indices, pictures, judgements) -> PictureSheet:
    num_shown = min(MAX_PICTURES, len(indices))
    shown = [indices[round(place)] for place in np.linspace(0, len(indices) - 1, num_shown)]
    rows = [shown[begin : begin + _COLUMNS] for begin in range(0, num_shown, _COLUMNS)]
    return PictureSheet(
        rows=[[pictures[index] for index in row] for row in rows],
        captions=[[_caption(judgements[index]) for index in row] for row in rows],
        note=f"{num_shown:,} of {len(indices):,} pictures, the most confident first.",
    )


def _caption(judgement: ColourJudgement) -> str:
    return (
        f"{judgement.confidence:.0%}" if judgement.colour else f"{judgement.best}? {judgement.confidence:.0%}"
    )
