"""The classifier's signature `classify_png`, which names a photo's attributes."""

import numpy as np
import tensorflow as tf

from export.images.image_bytes import RGBA_CHANNELS, encode_png_row, map_image_rows
from export.signatures import cutting, rows
from export.signatures.generation import BATCH_SIZES
from export.signatures.image_tensors import example_pictures
from export.signatures.signature import Signature
from zoo.cutout.cutout import PRESET, Cutout
from zoo.cutout.on_white import place_on_white
from zoo.pictures import resize

# Names of the first attribute's outputs, which have no prefix: its values, and each value's probability.
CLASSES, PROBABILITIES = "classes", "probabilities"


def make_signatures(model, isolates_rows: bool = False) -> list[Signature]:
    """Returns `classify_png`.

    For each attribute it returns the most probable value under the attribute's own name, all values, and
    their probabilities in the same order. The first attribute's outputs are `category`, `classes` and
    `probabilities`; every other attribute's carry its name as a prefix: `colour`, `colour_classes`,
    `colour_probabilities`.

    Photos that differ from the model's size are cropped to their centre square and resized, as in training. A
    model that learned from cut-outs gets the product that the preset `cutout_products` finds in the photo.

    Args:
        model: A `zoo.classifier.Classifier`.
        isolates_rows: Whether a photo that only the decoder finds damaged becomes its row's error.

    Returns:
        The signature, which is the default one.

    Raises:
        ValueError: An attribute has the name of another output.
    """
    prefixes = _output_prefixes(model.attributes)

    cutout = Cutout.from_preset(PRESET) if model.on_cutouts else None

    def show(raw_image):
        if cutout is None:
            return resize.to_square(raw_image, model.image_size), ""
        colours, mask = cutting.cut_out_rgba(cutout, raw_image)
        error = tf.where(cutout.has_product(mask.opacity), "", cutting.NOT_FOUND)
        return place_on_white(colours, mask.opacity, model.image_size), error

    def classify_png(inputs):
        square = tf.TensorSpec([model.image_size, model.image_size, model.channels], tf.uint8)
        (raw_images, found_errors), file_errors = map_image_rows(
            inputs["image_bytes"],
            model.channels if cutout is None else RGBA_CHANNELS,
            show,
            (square, tf.TensorSpec([], tf.string)),
            isolates_rows,
        )
        errors = rows.join_errors(file_errors, found_errors)
        outputs = {}
        for attribute, probabilities in model.judge(raw_images).items():
            values = tf.constant(model.attributes[attribute])
            prefix = prefixes[attribute]
            outputs[attribute] = tf.gather(values, tf.argmax(probabilities, axis=-1))
            outputs[prefix + CLASSES] = tf.repeat(values[tf.newaxis], tf.shape(raw_images)[0], axis=0)
            outputs[prefix + PROBABILITIES] = probabilities
        return rows.blank_bad_outputs(outputs, errors)

    def request(num_rows):
        if cutout is None:
            pictures = example_pictures(num_rows, model.image_size, model.image_size, model.channels)
        else:
            pictures = cutting.example_photos(num_rows, 48, 64)
        files = [encode_png_row(picture).numpy() for picture in pictures]
        return {"image_bytes": np.array(files, dtype=object)}

    return [
        Signature(
            "classify_png",
            {"image_bytes": rows.string_rows()},
            classify_png,
            [request(num_rows) for num_rows in BATCH_SIZES],
            is_default=True,
        )
    ]


def _output_prefixes(attributes) -> dict[str, str]:
    """Returns each attribute's prefix to `classes` and `probabilities`."""
    prefixes = {name: f"{name}_" if number > 0 else "" for number, name in enumerate(attributes)}
    names = ["error", *attributes]
    names += [prefix + output for prefix in prefixes.values() for output in (CLASSES, PROBABILITIES)]
    taken = sorted({name for name in names if names.count(name) > 1})
    if taken:
        raise ValueError(
            "An attribute must not have the name of another output of `classify_png`. "
            f"Received: attributes {', '.join(attributes)}. Rename in the data set: {', '.join(taken)}."
        )
    return prefixes
