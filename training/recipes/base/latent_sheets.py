"""Sheets of generated pictures: by value, and latent traversals, along which a single latent changes."""

from collections.abc import Sequence

import numpy as np

from training.input.labelled_pictures import decode_latents
from training.pages.picture_sheet import PictureSheet

NUM_COLUMNS = 8
NUM_TRAVERSED_LATENTS = 6
TRAVERSAL_REACH = 2.5  # standard deviations of the latents


def traversal_sheet(model, seed: int) -> PictureSheet:
    """Draws one row per traversed latent: the same picture while that latent alone rises from low to high.

    The latents shown are those that change the picture most.
    """
    random = np.random.default_rng([seed, 2])
    start = random.normal(size=model.latent_dim)

    def move(latent, place):
        moved = start.copy()
        moved[latent] = place
        return moved

    def decode(latents):
        return decode_latents(model, np.stack(latents), constant_ids(model, 0, len(latents)))

    low = decode([move(latent, -TRAVERSAL_REACH) for latent in range(model.latent_dim)])
    high = decode([move(latent, TRAVERSAL_REACH) for latent in range(model.latent_dim)])
    changes = np.abs(high.astype("float32") - low).mean(axis=(1, 2, 3))
    chosen = np.argsort(-changes)[:NUM_TRAVERSED_LATENTS]
    places = np.linspace(-TRAVERSAL_REACH, TRAVERSAL_REACH, NUM_COLUMNS)
    rows = [list(decode([move(latent, place) for place in places])) for latent in chosen]
    return PictureSheet(
        rows=rows,
        row_labels=[f"latent {latent}" for latent in chosen],
        column_labels=[f"{place:+.1f}" for place in places],
    )


def constant_ids(model, value_id: int, count: int) -> dict[str, np.ndarray]:
    """Returns attribute ids for `count` pictures: `value_id` for the first attribute, 0 for the others."""
    first = next(iter(model.attributes))
    return {name: np.full(count, value_id if name == first else 0, "int32") for name in model.attributes}


def sheet_by_value(images: np.ndarray, values: Sequence[str], note: str) -> PictureSheet:
    """Returns a sheet with a column for each value.

    Args:
        images: uint8 array `[N, h, w, C]` of the values in turn; N is a multiple of their number.
        values: The values.
        note: The sheet's note.
    """
    count = len(values)
    rows = [list(images[start : start + count]) for start in range(0, len(images), count)]
    return PictureSheet(rows=rows, column_labels=list(values), note=note)
