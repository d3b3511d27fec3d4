"""Carries edits from the small pictures that a conditional VAE sees to photos at their own size.

The model decides what changes; every pixel comes from the photo. A colour is carried by the product's mask
and `zoo/recolour`; any other change by a guided filter, which lets it follow the photo's edges.

Sources:
    [Fast] He & Sun 2015, "Fast Guided Filter", arXiv 1505.00996: functions of the guide's colours are fitted
        at a low resolution and applied at a high one.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import tensorflow as tf

from zoo.colour.basic_colours import COLOURS
from zoo.colour.oklab import from_oklab, to_oklab
from zoo.conditional_vae.edits import find_edits
from zoo.cutout.cutout import Cutout, ProductMask
from zoo.pictures import pixels
from zoo.pictures.guided_filter import apply_windows, fit_windows
from zoo.recolour.recolour import recolour_masked

# The guided filter's radius in pixels of the small picture, and the variance of colours in [0, 1] that counts
# as flat.
RADIUS, EPSILON = 2, 1e-3
# Change below which a picture counts as unchanged: less than half of a byte's step.
SMALLEST_CHANGE = 1e-3
# Steps in which a shade moves towards the colour asked for.
NUM_STEPS = 21
# The colour of photos whose colour is not to change.
NO_COLOUR = -1


class SmallEdits(NamedTuple):
    """What a model makes of photos, at its own size; a batch, or one row of it without N.

    Args:
        before: uint8 `[N, S, S, C]`: the photos, squeezed (`zoo.pictures.resize.squeeze`).
        after: float32 `[N, S, S, C]`, range [0, 1]: the edited pictures.
        after_others: float32 `[N, S, S, C]`: the pictures edited in all attributes but colours.
        colour: int32 `[N]`: the colour asked for, a position in `zoo.colour.basic_colours.COLOURS`;
            `NO_COLOUR` for photos that keep theirs.
    """

    before: tf.Tensor
    after: tf.Tensor
    after_others: tf.Tensor
    colour: tf.Tensor


def edit_specs(model) -> SmallEdits:
    """Returns the shape and dtype of one photo's `SmallEdits`, for a `ConditionalVAE`."""
    square = [model.image_size, model.image_size, model.channels]
    edited = tf.TensorSpec(square, tf.float32)
    return SmallEdits(tf.TensorSpec(square, tf.uint8), edited, edited, tf.TensorSpec([], tf.int32))


def make_small_edits(model, before, stated_ids, wanted_ids) -> SmallEdits:
    """Edits a batch of photos at the model's size.

    Args:
        model: A `zoo.conditional_vae.conditional_vae.ConditionalVAE`.
        before: uint8 tensor `[N, S, S, C]`.
        stated_ids: The photos' attributes: for each attribute an integer tensor `[N]`.
        wanted_ids: The target attributes, likewise.
    """

    def edit(ids):
        # A model that redraws pictures would change those, too, whose attributes all stay.
        is_other = find_edits(stated_ids, ids)
        return tf.where(is_other > 0, model.edit(before, stated_ids, ids), unchanged)

    unchanged = pixels.to_model_range(before, pixels.UNIT_RANGE)
    after = edit(wanted_ids)
    colour = tf.fill(tf.shape(before)[:1], NO_COLOUR)
    if not edits_colours(model):
        return SmallEdits(before, after, after, colour)
    names = colour_attributes(model.attributes)
    for name in names:
        positions = tf.constant([list(COLOURS).index(value) for value in model.attributes[name]])
        is_other = (wanted_ids[name] >= 0) & (wanted_ids[name] != stated_ids[name])
        colour = tf.where(is_other, tf.gather(positions, tf.maximum(wanted_ids[name], 0)), colour)
    others = {**wanted_ids, **{name: stated_ids[name] for name in names}}
    return SmallEdits(before, after, edit(others), colour)


def carry_edits(raw_image, edits: SmallEdits, find_mask: Callable[[], ProductMask] | None) -> tf.Tensor:
    """Edits a photo at its own size.

    Args:
        raw_image: uint8 tensor `[h, w, C]`.
        edits: The photo's row of `make_small_edits`.
        find_mask: Finds the product in the photo, for photos whose colour changes; None for models that
            change no colours.

    Returns:
        uint8 tensor `[h, w, C]`. If no product is found, a new colour is carried as any other change.
    """
    carried = carry_change(raw_image, edits.before, edits.after_others)
    if find_mask is None:
        return carried

    def recolour():
        mask = find_mask()

        def dye():
            shade = find_shade(edits.before, edits.after, mask.opacity, edits.colour)
            anything = tf.zeros([3], "uint8")
            return recolour_masked(carried, mask, shade, anything, False, 1.0).raw_image

        is_found = Cutout.has_product(mask.opacity)
        return tf.cond(is_found, dye, lambda: carry_change(raw_image, edits.before, edits.after))

    return tf.cond(edits.colour == NO_COLOUR, lambda: carried, recolour)


def colour_attributes(attributes: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Returns the names of the attributes whose values are all basic colours.

    Example:

    >>> colour_attributes({"category": ("bag", "hat"), "colour": ("red", "blue")})
    ['colour']
    """
    return [name for name, values in attributes.items() if set(values) <= set(COLOURS)]


def edits_colours(model) -> bool:
    """Returns whether a model makes colour pictures and has an attribute whose values are colours."""
    return model.channels == 3 and bool(colour_attributes(model.attributes))


def carry_change(raw_image, before, after) -> tf.Tensor:
    """Changes a photo as its small picture changed.

    Args:
        raw_image: uint8 tensor `[h, w, C]`: the photo.
        before: uint8 tensor `[S, S, C]`: the photo, squeezed.
        after: float32 tensor `[S, S, C]`, range [0, 1]: the edited picture.

    Returns:
        uint8 tensor `[h, w, C]`; the edited picture itself where the photo has its size.
    """
    small = pixels.to_model_range(before[tf.newaxis], pixels.UNIT_RANGE)
    change = after[tf.newaxis] - small

    def carry():
        guide = pixels.to_model_range(raw_image[tf.newaxis], pixels.UNIT_RANGE)
        windows = fit_windows(small, change, RADIUS, EPSILON)
        unexplained = tf.image.resize(change - apply_windows(small, *windows), tf.shape(raw_image)[:2])
        changed = guide + apply_windows(guide, *windows) + unexplained
        return pixels.from_model_range(tf.clip_by_value(changed, 0.0, 1.0), pixels.UNIT_RANGE)[0]

    return tf.cond(tf.reduce_any(tf.abs(change) > SMALLEST_CHANGE), carry, lambda: raw_image)


def find_shade(before, after, opacity, name) -> tf.Tensor:
    """Returns the colour that an edit gives the product: the mean of what it changed most.

    Where the edit stopped short of the colour asked for, the shade moves on towards its typical value until
    no other basic colour is nearer.

    Args:
        before: uint8 tensor `[S, S, 3]`: the photo, squeezed.
        after: float32 tensor `[S, S, 3]`, range [0, 1]: the edited picture.
        opacity: float32 tensor `[h, w, 1]`: the product's mask, of the photo's size.
        name: Integer scalar: position of the colour asked for in `zoo.colour.basic_colours.COLOURS`.

    Returns:
        uint8 tensor `[3]`.

    Example:

    >>> grey, blue = tf.fill([4, 4, 3], tf.constant(128, "uint8")), tf.ones([4, 4, 3]) * [0.1, 0.2, 0.8]
    >>> find_shade(grey, blue, tf.ones([8, 8, 1]), list(COLOURS).index("blue")).numpy().tolist()
    [26, 51, 204]
    """
    edited = to_oklab(pixels.from_model_range(after, pixels.UNIT_RANGE))
    changes = tf.reduce_sum(tf.square(edited - to_oklab(before)), axis=-1, keepdims=True)
    # To the fourth power: the shade is that of the strongest changes, not of their faint surroundings.
    weights = tf.square(changes) * tf.image.resize(opacity, tf.shape(before)[:2], antialias=True)
    shade = tf.math.divide_no_nan(tf.reduce_sum(weights * edited, axis=[0, 1]), tf.reduce_sum(weights))
    typical = to_oklab(tf.constant(list(COLOURS.values()), "uint8"))
    steps = tf.linspace(0.0, 1.0, NUM_STEPS)[:, tf.newaxis]
    shades = shade + steps * (typical[name] - shade)
    distances = tf.norm(shades[:, tf.newaxis] - typical, axis=-1)
    has_name = tf.argmin(distances, axis=-1, output_type="int32") == tf.cast(name, "int32")
    return pixels.round_to_uint8(from_oklab(shades[tf.argmax(has_name)]))
