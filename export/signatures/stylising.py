"""The style model's signatures `stylise` and `stylise_png`, which redraw photos in a style."""

import numpy as np
import tensorflow as tf

from export.images.image_bytes import encode_png_row, map_image_rows
from export.signatures import rows
from export.signatures.image_tensors import check_picture_size, example_pictures
from export.signatures.signature import Signature
from zoo.style.mixtures import BETWEEN, parse_mixtures

# Batch size, height and width of the example requests.
EXAMPLE_SHAPES = ((1, 24, 32), (3, 17, 13))
EXAMPLE_STRENGTHS = (1.0, 0.5, 0.0)


def make_signatures(model, isolates_rows: bool = False) -> list[Signature]:
    """Returns `stylise` and `stylise_png`.

    Args:
        model: A `zoo.style.style_transfer.StyleTransfer`.
        isolates_rows: Whether a photo that only the decoder finds damaged becomes its row's error.

    Returns:
        The signatures; `stylise_png` is the default. `style` is written as `zoo/style/mixtures.py` says, and
        `strength` is from 0, which changes nothing, to 1.
    """

    def read(inputs):
        mixtures, style_errors = parse_mixtures(inputs["style"], model.styles)
        range_errors = rows.strength_errors(inputs["strength"])
        return mixtures, inputs["strength"], rows.join_errors(style_errors, range_errors)

    def stylise(inputs):
        raw_images = check_picture_size(inputs["images"])
        mixtures, strengths, errors = read(inputs)
        stylised = model.stylise(raw_images, mixtures, tf.where(errors == "", strengths, 0.0))
        return {"images": stylised, "error": errors}

    def stylise_row(raw_image, mixture, strength):
        stylised = model.stylise(raw_image[tf.newaxis], mixture[tf.newaxis], strength[tf.newaxis])
        return {"image_bytes": encode_png_row(stylised[0])}

    def stylise_png(inputs):
        mixtures, strengths, errors = read(inputs)
        outputs, file_errors = map_image_rows(
            inputs["image_bytes"],
            3,
            stylise_row,
            {"image_bytes": tf.TensorSpec([], tf.string)},
            isolates_rows,
            (mixtures, tf.where(errors == "", strengths, 0.0)),
        )
        return rows.blank_bad_outputs(outputs, rows.join_errors(errors, file_errors))

    pictures = [example_pictures(*shape, channels=3) for shape in EXAMPLE_SHAPES]
    files = [
        np.array([encode_png_row(picture).numpy() for picture in batch], dtype=object) for batch in pictures
    ]
    wanted = [
        {
            "style": np.array([_example_style(model, row) for row in range(len(batch))], dtype=object),
            "strength": np.array(EXAMPLE_STRENGTHS[: len(batch)], "float32"),
        }
        for batch in pictures
    ]
    options = {"style": rows.string_rows(), "strength": tf.TensorSpec([None], tf.float32)}
    return [
        Signature(
            "stylise_png",
            {"image_bytes": rows.string_rows(), **options},
            stylise_png,
            [{"image_bytes": batch, **of_batch} for batch, of_batch in zip(files, wanted, strict=True)],
            is_default=True,
        ),
        Signature(
            "stylise",
            {"images": tf.TensorSpec([None, None, None, 3], tf.uint8), **options},
            stylise,
            [{"images": batch, **of_batch} for batch, of_batch in zip(pictures, wanted, strict=True)],
        ),
    ]


def _example_style(model, row: int) -> str:
    return BETWEEN.join(model.styles[:2]) if row == 1 else model.styles[row % len(model.styles)]
