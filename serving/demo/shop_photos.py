"""Asks a running server for what a shop does with its photos: on white, and in other colours.

The photos are the first twelve of the validation split of clothing-dataset-small (CC0 1.0), at their own
size.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np
from PIL import Image

from serving.client.connection import connect
from training.pages.picture_sheet import PictureSheet
from zoo.files.atomic_write import write_bytes
from zoo.pictures.photo_files import read_photo

PHOTOS = Path(__file__).parent / "photos"
PRESETS = ("cutout_products", "recolour_products")
SERVED_NAMES = ("cutout", "recolour")
TARGETS = ("red", "#2b4c7e", "white", "black")
SHOWN_SIDE = 220
LABELS = ("photo", "on white", *TARGETS)


def ask_for_photos(grpc_address: str, rest_address: str, output: Path) -> PictureSheet:
    """Cuts out and recolours the demo's photos, and writes the results at the photos' own size.

    Args:
        grpc_address: `HOST:PORT`.
        rest_address: `http://HOST:PORT`.
        output: Directory to write the pictures to.

    Returns:
        A sheet with a row for each photo.

    Raises:
        RuntimeError: The answers over gRPC and REST differ.
    """
    rows, captions = [], []
    with (
        contextlib.closing(connect(grpc_address)) as over_grpc,
        contextlib.closing(connect(rest_address)) as over_rest,
    ):
        for path in sorted(PHOTOS.glob("*.jpg")):
            content = path.read_bytes()
            inputs = {"image_bytes": _strings(content), "background": _strings("white")}
            pictures = [_ask_both(over_grpc, over_rest, "cutout", inputs)["image_bytes"][0]]
            confidence = 0.0
            for target in TARGETS:
                wish = {
                    "image_bytes": _strings(content),
                    "target_colour": _strings(target),
                    "source_colour": _strings(""),
                    "strength": np.ones([1], "float32"),
                }
                outputs = _ask_both(over_grpc, over_rest, "recolour", wish)
                pictures.append(outputs["image_bytes"][0])
                confidence = float(outputs["confidence"][0])
            for label, picture in zip(LABELS[1:], pictures, strict=True):
                write_bytes(output / f"{path.stem}-{label.replace(' ', '-').lstrip('#')}.png", picture)
            rows.append([_small(read_photo(file)) for file in (content, *pictures)])
            captions.append([path.stem, *[""] * (len(pictures) - 1), f"sure by {confidence:.2f}"])
    click.echo(f"cutout, recolour: {len(rows) * (1 + len(TARGETS))} responses, gRPC and REST identical")
    return PictureSheet(rows=rows, column_labels=list(LABELS), captions=captions)


def _ask_both(over_grpc, over_rest, model_name: str, inputs: Mapping[str, np.ndarray]) -> dict:
    answers = [client.predict(model_name, inputs) for client in (over_grpc, over_rest)]
    for name in ("image_bytes", "mask_bytes"):
        if answers[0][name][0] != answers[1][name][0]:
            raise RuntimeError(
                f"gRPC and REST must give the same bytes. Received: different `{name}` of {model_name}. "
                "Report this with the server's output."
            )
    return answers[0]


def _strings(value) -> np.ndarray:
    return np.array([value], dtype=object)


def _small(picture: np.ndarray) -> np.ndarray:
    image = Image.fromarray(picture)
    image.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (SHOWN_SIDE, SHOWN_SIDE), "white")
    square.paste(image, ((SHOWN_SIDE - image.width) // 2, (SHOWN_SIDE - image.height) // 2))
    return np.asarray(square)
