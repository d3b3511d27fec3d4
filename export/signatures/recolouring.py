"""The recolouring model's signatures: `recolour_png`, and those of the cut-out network."""

import numpy as np
import tensorflow as tf

from export.images.image_bytes import RGBA_CHANNELS, encode_png_row, map_image_rows
from export.signatures import cutting, rows
from export.signatures.signature import Signature
from zoo.colour.basic_colours import COLOURS
from zoo.colour.colour_values import parse_colours
from zoo.pictures import pixels
from zoo.recolour.recolour import recolour_masked

EXAMPLE_TARGETS, EXAMPLE_SOURCES, EXAMPLE_STRENGTHS = (
    ("red", "#2b4c7e", "white"),
    ("", "blue", ""),
    (1.0, 0.5, 1.0),
)


def make_signatures(model, isolates_rows: bool = False) -> list[Signature]:
    """Returns `recolour_png` and `mask`.

    Args:
        model: A `zoo.recolour.recolour.Recolour`.
        isolates_rows: Whether a photo that only the decoder finds damaged becomes its row's error.

    Returns:
        The signatures; `recolour_png` is the default.
    """

    def recolour(raw_image, target, source, has_source, strength):
        colours, alpha = raw_image[..., :3], raw_image[..., 3:]
        mask = cutting.find_mask(model, colours, alpha)
        recoloured = recolour_masked(colours, mask, target, source, has_source, strength)
        return {
            "image_bytes": cutting.encode_with_alpha(recoloured.raw_image, alpha),
            "mask_bytes": encode_png_row(pixels.round_to_uint8(255.0 * mask.opacity)),
            "confidence": recoloured.confidence,
            "error": tf.where(model.has_product(mask.opacity), "", cutting.NOT_FOUND),
        }

    def recolour_png(inputs):
        targets, is_target = parse_colours(inputs["target_colour"])
        sources, is_source = parse_colours(inputs["source_colour"])
        strengths = inputs["strength"]
        outputs, file_errors = map_image_rows(
            inputs["image_bytes"],
            RGBA_CHANNELS,
            recolour,
            cutting.RESULT_SPECS,
            isolates_rows,
            (targets, sources, is_source, tf.clip_by_value(strengths, 0.0, 1.0)),
        )
        errors = rows.join_errors(
            _unknown("target_colour", inputs["target_colour"], is_target),
            _unknown("source_colour", inputs["source_colour"], is_source | (inputs["source_colour"] == "")),
            rows.strength_errors(strengths),
            file_errors,
            outputs["error"],
        )
        return rows.blank_bad_outputs(outputs, errors)

    photos = [cutting.example_photos(*shape) for shape in cutting.EXAMPLE_SHAPES]
    requests = [
        {
            "image_bytes": np.array([encode_png_row(photo).numpy() for photo in batch], dtype=object),
            "target_colour": np.array(EXAMPLE_TARGETS[: len(batch)], object),
            "source_colour": np.array(EXAMPLE_SOURCES[: len(batch)], object),
            "strength": np.array(EXAMPLE_STRENGTHS[: len(batch)], "float32"),
        }
        for batch in photos
    ]
    inputs = {name: rows.string_rows() for name in ("image_bytes", "target_colour", "source_colour")}
    return [
        Signature(
            "recolour_png",
            {**inputs, "strength": tf.TensorSpec([None], tf.float32)},
            recolour_png,
            requests,
            is_default=True,
        ),
        cutting.mask_signature(model),
    ]


def _unknown(name: str, texts, is_known):
    known = f"Known: {', '.join(COLOURS)}, or #RRGGBB."
    return tf.where(is_known, "", tf.strings.join([f"Unknown {name}. Received: '", texts, f"'. {known}"]))
