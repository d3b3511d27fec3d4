"""Recolours products in photos of any size.

Sources:
    [OKLab] Ottosson 2020, "A perceptual color space for image processing".
"""

from typing import NamedTuple

import keras
import tensorflow as tf

from zoo.colour.oklab import from_oklab, to_oklab
from zoo.cutout.cutout import Cutout, ProductMask
from zoo.cutout.mask_refinement import GUIDE_PIXELS
from zoo.pictures import pixels
from zoo.pictures.guided_filter import apply_windows, fit_windows
from zoo.recolour.dye import change_dye, find_dye

# The guided filter that brings the dye's membership to the photo's size: radius in pixels of the small photo,
# and the variance of colours in [0, 1] that counts as flat.
RADIUS, EPSILON = 2, 1e-4
# Opacity of the changed colour below which a pixel stays as it is.
SMALLEST_CHANGE = 0.004
# Distances in OKLab between the dye and the ground's colours at which a mask is doubtful, and sure.
DOUBTFUL_DISTANCE, SURE_DISTANCE = 0.03, 0.12


class Recoloured(NamedTuple):
    """A recoloured photo.

    Args:
        raw_image: uint8 `[h, w, 3]`.
        opacity: float32 `[h, w, 1]`: the product's mask.
        confidence: float32 scalar in [0, 1]: how surely the product and its dye were told from all else.
    """

    raw_image: tf.Tensor
    opacity: tf.Tensor
    confidence: tf.Tensor


@keras.saving.register_keras_serializable("zoo")
class Recolour(Cutout):
    """Finds the product in a photo and gives its main dye another colour, at the photo's own size.

    Use it to show a product in the colours that a shop also sells. Folds, texture and shadows stay; so do
    prints, labels and buttons whose colour differs from the dye's, and everything outside of the product.

    It is trained as `Cutout`: the mask is all that is learned. The colour change is an affine map in OKLab
    from the product's main dye to the target (`zoo/recolour/dye.py`).

    Args:
        image_size: As for `Cutout`.
        width: As for `Cutout`.
        dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default.

    Call arguments:
        raw_images: As for `Cutout`.

    Returns:
        As for `Cutout`.

    Raises:
        WrongUsageError: As for `Cutout`.

    Example:

    >>> Recolour(image_size=32, width=4)(tf.zeros([1, 50, 40, 3], "uint8")).shape.as_list()
    [1, 32, 32, 1]
    """

    def __init__(self, image_size: int = 256, width: int = 16, dtype=None, name: str = "recolour", **kwargs):
        super().__init__(image_size=image_size, width=width, dtype=dtype, name=name, **kwargs)

    def recolour(self, raw_image, target, source, has_source, strength) -> Recoloured:
        """Recolours the product in one photo.

        Args:
            raw_image: uint8 tensor `[h, w, 3]`.
            target: uint8 tensor `[3]`: the sRGB colour that the dye becomes.
            source: uint8 tensor `[3]`: the sRGB colour to change.
            has_source: bool scalar: whether `source` counts; otherwise the product's main colour is changed.
            strength: float32 scalar in [0, 1]: share of the change that is made.

        Returns:
            The recoloured photo.
        """
        return recolour_masked(raw_image, self.find_product(raw_image), target, source, has_source, strength)


def recolour_masked(raw_image, mask: ProductMask, target, source, has_source, strength) -> Recoloured:
    """Recolours the product that a mask shows; the other arguments as for `Recolour.recolour`."""
    opacity = mask.opacity
    small, small_opacity = _shrink(raw_image, opacity)
    lab = tf.reshape(to_oklab(small), [-1, 3])
    weights = tf.reshape(small_opacity, [-1])
    inside = tf.where(weights > 0.9, weights, 0.0)
    dye, membership = find_dye(lab, inside, to_oklab(source), has_source)
    small_change = tf.reshape(weights * membership, tf.shape(small_opacity))
    guide = tf.cast(raw_image[tf.newaxis], "float32") / 255.0
    low_guide = tf.cast(small[tf.newaxis], "float32") / 255.0
    windows = fit_windows(low_guide, small_change[tf.newaxis], RADIUS, EPSILON)
    change = apply_windows(guide, *windows)[0]
    change = strength * tf.clip_by_value(change, 0.0, 1.0) * opacity
    # Only these pixels are converted: powers of all pixels would take most of the time.
    places = tf.where(change[..., 0] > SMALLEST_CHANGE)
    before = tf.gather_nd(raw_image, places)
    after = from_oklab(change_dye(to_oklab(before), dye, to_oklab(target)))
    share = tf.gather_nd(change, places)
    before = tf.cast(before, "float32")
    changed = pixels.round_to_uint8(before + share * (after - before))
    result = tf.tensor_scatter_nd_update(raw_image, places, changed)
    return Recoloured(result, opacity, mask.confidence * _dye_confidence(lab, weights, dye))


def _dye_confidence(lab, weights, dye):
    """Multiplies the distance of the ground's colours and the share of the dye."""
    outside = 1.0 - weights
    distances = tf.norm((lab - dye.colour) * tf.constant([0.5, 1.0, 1.0]), axis=-1)
    near = tf.cast(distances < SURE_DISTANCE, "float32") * (
        1.0
        - tf.clip_by_value((distances - DOUBTFUL_DISTANCE) / (SURE_DISTANCE - DOUBTFUL_DISTANCE), 0.0, 1.0)
    )
    alike = tf.reduce_sum(outside * near) / tf.maximum(tf.reduce_sum(outside), 1.0)
    coverage = tf.clip_by_value(dye.share / 0.5, 0.0, 1.0)
    return (1.0 - 0.7 * alike) * (0.4 + 0.6 * coverage)


def _shrink(raw_image, opacity):
    sides = tf.shape(raw_image)[:2]
    scale = tf.minimum(1.0, GUIDE_PIXELS / tf.cast(tf.reduce_max(sides), "float32"))
    size = tf.maximum(tf.cast(tf.round(scale * tf.cast(sides, "float32")), "int32"), 1)
    small, small_opacity = (
        tf.image.resize(tf.cast(images, "float32"), size, method="area")
        for images in (raw_image[tf.newaxis], opacity[tf.newaxis])
    )
    return pixels.round_to_uint8(small)[0], small_opacity[0]
