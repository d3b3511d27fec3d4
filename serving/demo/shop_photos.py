"""Asks a running server for what a shop does with its photos: on white, in other colours, and enlarged.

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
from zoo.pictures.photo import read_photo

PHOTOS = Path(__file__).parent / "photos"
PRESETS = ("cutout_products", "recolour_products", "ecbsr_x2")
SERVED_NAMES = ("cutout", "recolour", "ecbsr_x2")
TARGETS = ("red", "#2b4c7e", "white", "black")
SHOWN_SIDE = 220
LABELS = ("photo", "on white", *TARGETS, "on white, twice as large")


def ask_for_photos(grpc_address: str, rest_address: str, output: Path) -> PictureSheet:
    """Cuts out, recolours and enlarges the demo's photos, and writes the results at their full size.

    Args:
        grpc_address: `HOST:PORT`.
        rest_address: `http://HOST:PORT`.
        output: Directory to write the pictures to.

    Returns:
        A sheet with a row for each photo; of the enlarged one it shows the middle, pixel by pixel.

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
            enlarged = _ask_both(over_grpc, over_rest, "ecbsr_x2", {"image_bytes": _strings(pictures[0])})
            pictures.append(enlarged["image_bytes"][0])
            for label, picture in zip(LABELS[1:], pictures, strict=True):
                name = label.replace(",", "").replace(" ", "-").lstrip("#")
                write_bytes(output / f"{path.stem}-{name}.png", picture)
            shown = [_small(read_photo(file)) for file in (content, *pictures[:-1])]
            rows.append([*shown, _middle(read_photo(pictures[-1]))])
            captions.append([path.stem, *[""] * len(TARGETS), f"sure by {confidence:.2f}", "its middle"])
    num_responses = len(rows) * (len(LABELS) - 1)
    click.echo(f"{', '.join(SERVED_NAMES)}: {num_responses} responses, gRPC and REST identical")
    return PictureSheet(rows=rows, column_labels=list(LABELS), captions=captions)


def _ask_both(over_grpc, over_rest, model_name: str, inputs: Mapping[str, np.ndarray]) -> dict:
    answers = [client.predict(model_name, inputs) for client in (over_grpc, over_rest)]
    for name in ("image_bytes", "mask_bytes"):
        if name in answers[0] and answers[0][name][0] != answers[1][name][0]:
            raise RuntimeError(
                f"gRPC and REST must give the same bytes. Received: different `{name}` of {model_name}. "
                "Report this with the server's output."
            )
    return answers[0]


def _strings(value) -> np.ndarray:
    return np.array([value], dtype=object)


def _middle(picture: np.ndarray) -> np.ndarray:
    top, left = ((side - SHOWN_SIDE) // 2 for side in picture.shape[:2])
    return picture[top : top + SHOWN_SIDE, left : left + SHOWN_SIDE]


def _small(picture: np.ndarray) -> np.ndarray:
    image = Image.fromarray(picture)
    image.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (SHOWN_SIDE, SHOWN_SIDE), "white")
    square.paste(image, ((SHOWN_SIDE - image.width) // 2, (SHOWN_SIDE - image.height) // 2))
    return np.asarray(square)
