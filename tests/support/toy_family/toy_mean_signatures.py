"""A toy family's signatures."""

import tensorflow as tf

from export.images.image_bytes import encode_png_rows
from export.signatures import rows
from export.signatures.signature import Signature
from zoo.pictures import pixels


def make_signatures(model, isolates_rows: bool = False) -> list[Signature]:
    """Returns `remember_png`, which returns an attribute value's mean picture."""
    known = {model.attribute: model.attributes[model.attribute]}

    def remember_png(inputs):
        fallback = {model.attribute: tf.zeros_like(inputs[model.attribute], "int32")}
        ids, errors = rows.to_attribute_ids(known, inputs, fallback)
        images = pixels.from_model_range(model(ids[model.attribute]), pixels.UNIT_RANGE)
        return {"image_bytes": rows.blank_bad_rows(encode_png_rows(images), errors), "error": errors}

    inputs = {model.attribute: rows.string_rows()}
    requests = [rows.example_names(known, size) for size in (1, 3)]
    return [Signature("remember_png", inputs, remember_png, requests, is_default=True)]
