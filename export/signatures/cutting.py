"""The cut-out network's signatures `cutout_png` and `mask`, which find the product in photos."""

import numpy as np
import tensorflow as tf

from export.images.image_bytes import RGBA_CHANNELS, encode_png_row, map_image_rows
from export.signatures import rows
from export.signatures.image_tensors import check_picture_size, example_pictures
from export.signatures.signature import Signature
from zoo.colour.basic_colours import GROUND_COLOURS
from zoo.colour.colour_values import parse_colours
from zoo.cutout.cutout import ProductMask
from zoo.pictures import pixels

NOT_FOUND = (
    "No product was found: less than 0.3 % of the photo looks like one. Send a photo with the product in its "
    "middle."
)
OPAQUE = 255
EXAMPLE_SHAPES = ((1, 24, 32), (3, 17, 13))
# What `cutout_png` and `recolour_png` return for each photo.
RESULT_SPECS = {
    **{name: tf.TensorSpec([], tf.string) for name in ("image_bytes", "mask_bytes", "error")},
    "confidence": tf.TensorSpec([], tf.float32),
}
EXAMPLE_BACKGROUNDS = ("", "white", "#2b4c7e")


def make_signatures(model, isolates_rows: bool = False) -> list[Signature]:
    """Returns `cutout_png` and `mask`.

    Args:
        model: A `zoo.cutout.cutout.Cutout`.
        isolates_rows: Whether a photo that only the decoder finds damaged becomes its row's error.

    Returns:
        The signatures; `cutout_png` is the default.
    """

    def cut_out(raw_image, colour, is_opaque):
        raw_colours, (opacity, confidence) = cut_out_rgba(model, raw_image)
        alpha = pixels.round_to_uint8(255.0 * opacity)
        result = tf.cond(
            is_opaque,
            lambda: encode_png_row(lay_on(raw_colours, opacity, colour)),
            lambda: encode_png_row(tf.concat([raw_colours, alpha], axis=-1)),
        )
        return {
            "image_bytes": result,
            "mask_bytes": encode_png_row(alpha),
            "confidence": confidence,
            "error": tf.where(model.has_product(opacity), "", NOT_FOUND),
        }

    def cutout_png(inputs):
        backgrounds = inputs["background"]
        colours, is_colour = parse_colours(backgrounds, GROUND_COLOURS)
        outputs, file_errors = map_image_rows(
            inputs["image_bytes"],
            RGBA_CHANNELS,
            cut_out,
            RESULT_SPECS,
            isolates_rows,
            (colours, is_colour),
        )
        known = f"Known: {', '.join(GROUND_COLOURS)}, #RRGGBB, and '' for a transparent one."
        unknown = tf.strings.join(["Unknown background. Received: '", backgrounds, f"'. {known}"])
        errors = rows.join_errors(
            tf.where(is_colour | (backgrounds == ""), "", unknown), file_errors, outputs["error"]
        )
        return rows.blank_bad_outputs(outputs, errors)

    photos = [example_photos(*shape) for shape in EXAMPLE_SHAPES]
    files = [np.array([encode_png_row(photo).numpy() for photo in batch], dtype=object) for batch in photos]
    return [
        Signature(
            "cutout_png",
            {"image_bytes": rows.string_rows(), "background": rows.string_rows()},
            cutout_png,
            [
                {"image_bytes": batch, "background": np.array(EXAMPLE_BACKGROUNDS[: len(batch)], object)}
                for batch in files
            ],
            is_default=True,
        ),
        mask_signature(model),
    ]


def mask_signature(model) -> Signature:
    """Returns `mask`, which gives the masks of images that the client has decoded."""

    def mask(inputs):
        raw_images = check_picture_size(inputs["images"])
        opacity = model.find_masks(raw_images)
        errors = tf.where(model.has_product(opacity), "", NOT_FOUND)
        return {"masks": pixels.round_to_uint8(255.0 * opacity), "error": errors}

    return Signature(
        "mask",
        {"images": tf.TensorSpec([None, None, None, 3], tf.uint8)},
        mask,
        [{"images": example_photos(*shape)} for shape in EXAMPLE_SHAPES],
    )


def cut_out_rgba(model, raw_image) -> tuple[tf.Tensor, ProductMask]:
    """Cuts the product out of a photo; where the photo has transparent parts, its own opacity is the mask.

    Args:
        model: Has `cut_out`.
        raw_image: uint8 tensor `[h, w, 4]`.

    Returns:
        The product's colours, uint8 `[h, w, 3]`, and its mask.
    """
    colours, alpha = raw_image[..., :3], raw_image[..., 3:]
    return tf.cond(
        tf.reduce_all(alpha == OPAQUE),
        lambda: model.cut_out(colours),
        lambda: (colours, ProductMask.given(tf.cast(alpha, "float32") / OPAQUE)),
    )


def find_mask(model, raw_colours, alpha) -> ProductMask:
    """Finds the product in a photo; where the photo has transparent parts, its own opacity is the mask.

    Args:
        model: Has `find_product`.
        raw_colours: uint8 tensor `[h, w, 3]`.
        alpha: uint8 tensor `[h, w, 1]`.
    """
    return tf.cond(
        tf.reduce_all(alpha == OPAQUE),
        lambda: model.find_product(raw_colours),
        lambda: ProductMask.given(tf.cast(alpha, "float32") / OPAQUE),
    )


def encode_with_alpha(raw_colours, alpha) -> tf.Tensor:
    """Encodes a photo as a PNG file that is transparent where the photo was.

    Args:
        raw_colours: uint8 tensor `[h, w, 3]`.
        alpha: uint8 tensor `[h, w, 1]`.

    Returns:
        string scalar; without an alpha channel if all pixels are opaque.
    """
    return tf.cond(
        tf.reduce_all(alpha == OPAQUE),
        lambda: encode_png_row(raw_colours),
        lambda: encode_png_row(tf.concat([raw_colours, alpha], axis=-1)),
    )


def lay_on(raw_colours, opacity, ground) -> tf.Tensor:
    """Lays a product, uint8 `[h, w, 3]` with opacity float32 `[h, w, 1]`, on a colour, uint8 `[3]`."""
    ground = tf.cast(ground, "float32")
    return pixels.round_to_uint8(ground + opacity * (tf.cast(raw_colours, "float32") - ground))


def example_photos(num_rows: int, height: int, width: int) -> np.ndarray:
    """Returns bright grounds with a dark, patterned square, uint8 `[num_rows, height, width, 3]`."""
    photos = np.full([num_rows, height, width, 3], 230, "uint8")
    inside = (slice(None), slice(height // 4, -height // 4), slice(width // 4, -width // 4))
    photos[inside] = example_pictures(num_rows, height, width, 3)[inside] // 3
    return photos
